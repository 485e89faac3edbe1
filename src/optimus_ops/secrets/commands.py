"""What `invoke secrets.init` and `secrets.validate` print: names and what to do, never values."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from optimus_ops.errors import OpsError, Refused
from optimus_ops.project.settings import load_project
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.provision import SecretsOutcome, ensure, plan, validate
from optimus_ops.text.console import Console, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from optimus_ops.secrets.plan import SecretsPlan
    from optimus_ops.secrets.validate import Finding


def initialise(*, plan_only: bool, json: bool, root: Path | None = None) -> None:
    """Do or show a first run.

    Args:
        plan_only: whether to show and not to do.
        json: whether to print one JSON document instead of lines.
        root: the checkout; the current folder if not given.

    Raises:
        Refused: something is malformed or missing.
        OpsError: a file can't be written.
    """
    paths = described_paths(root)
    result: SecretsPlan | SecretsOutcome = plan(*paths) if plan_only else ensure(*paths)
    if json:
        print_json(asdict(result))
    else:
        Console.standard().say("\n".join(told(result, paths.secrets_file.name)))


def check(*, json: bool, root: Path | None = None) -> None:
    """Print what is wrong with the secrets.

    Args:
        json: whether to print one JSON document instead of lines.
        root: the checkout; the current folder if not given.

    Raises:
        Refused: a file is malformed, so that it can't be judged.
        OpsError: there are errors among the findings.
    """
    paths = described_paths(root)
    findings = validate(*paths)
    errors = [finding for finding in findings if finding.severity == "error"]
    if json:
        print_json({"ok": not errors, "findings": [asdict(finding) for finding in findings]})
    else:
        console = Console.standard()
        for finding in findings:
            console.say(finding_line(finding, console))
        if not findings:
            console.say(f"{console.paint('✓', '32')} {paths.secrets_file.name} is complete and private")
    if errors:
        raise OpsError(f"{len(errors)} of the secrets' checks failed", "the lines above say what to do")


def described_paths(root: Path | None) -> SecretsPaths:
    """Return a project's paths.

    Raises:
        Refused: its template describes no secrets.
    """
    paths = SecretsPaths.of(load_project(root))
    if paths.example.is_file() and not paths.described:
        raise Refused(
            f"{paths.example.name} describes no secrets",
            "say above a key who makes or reads it, as in: # @generate=token(32) @consumers=web",
        )
    return paths


def finding_line(finding: Finding, console: Console) -> str:
    """Return one line for a finding."""
    mark = console.paint("✗", "31") if finding.severity == "error" else console.paint("!", "33")
    return f"{mark} {finding}"


def told(result: SecretsPlan | SecretsOutcome, name: str) -> Sequence[str]:
    """Return lines that say what was done, or would be.

    Args:
        result: the plan, or the outcome.
        name: the operator's file.
    """
    done = isinstance(result, SecretsOutcome)
    created = result.created if isinstance(result, SecretsOutcome) else result.create
    generated = result.generated if isinstance(result, SecretsOutcome) else result.generate
    files = result.projected if isinstance(result, SecretsOutcome) else (*result.write, *result.remove)
    tightened = result.tightened if isinstance(result, SecretsOutcome) else result.tighten
    would = "" if done else "would be "
    lines = [
        *([f"{name} {would}created (mode 0600, not in git)"] if created else ()),
        *([f"{name} {would}closed to others (mode 0600)"] if tightened else ()),
        *([f"{would}generated: {', '.join(generated)}"] if generated else ()),
        *([f"files for the services {would}brought up to date: {_by_service(files)}"] if files else ()),
    ]
    lines = lines or [f"{name} is complete; nothing to do"]
    if result.empty_optional:
        lines.append(f"empty, which is fine: {', '.join(result.empty_optional)}")
    return lines


def _by_service(files: Sequence[str]) -> str:
    counts: dict[str, int] = {}
    for file in files:
        service = file.partition("/")[0]
        counts[service] = counts.get(service, 0) + 1
    return ", ".join(f"{service} ({count})" for service, count in counts.items())
