"""What `invoke release.check`, `build`, `try` and `notes` do."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from optimus_ops.checks.model import Check
from optimus_ops.errors import Refused
from optimus_ops.project.git_checkout import uncommitted
from optimus_ops.project.settings import load_project
from optimus_ops.release.build import build_twice, check_target, digest, distributions, keep
from optimus_ops.release.changelog import release_notes
from optimus_ops.release.checks import release_checks
from optimus_ops.release.distribution import Distribution, distribution_checks, reproducible
from optimus_ops.release.observe import observe_release, read_text
from optimus_ops.release.settings import read_settings
from optimus_ops.release.try_install import Trial
from optimus_ops.release.verdict import give_verdict
from optimus_ops.release.version import version_of_tag
from optimus_ops.text.console import Console, print_json


def check(tag: str, *, report: str, json: bool) -> None:
    """Check what a release depends on."""
    facts = observe_release(load_project().root)
    checks = tuple(release_checks(facts, tag))
    title = f"Release {facts.settings.version} of {facts.settings.name}"
    give_verdict(title, checks, name="release-check", report=report, json=json, facts={"commit": facts.git.commit})


def build(to: str, *, report: str, json: bool) -> None:
    """Build wheel and sdist, check them, and keep them in a folder if nothing is wrong with them.

    Raises:
        OpsError: a build or a check failed.
        Refused: the folder holds something else.
    """
    root = load_project().root
    check_target(root / to)
    console = Console.for_stream(sys.stderr)
    if count := uncommitted(root):
        console.say(f"note: {count} uncommitted files are not part of the build, which takes the last commit")
    with tempfile.TemporaryDirectory(prefix="release-") as name:
        with console.step("building twice from clean clones"):
            first, second = build_twice(root, Path(name))
        checkout = Path(name) / "0" / "checkout"
        settings = read_settings(checkout)
        checks = [*_of_files(first, second), *_of_contents(first, checkout)]
        failed = any(check.verdict == "failed" for check in checks)
        kept = () if failed else keep(first, root / to)
    facts = {path.name: f"{path.stat().st_size} bytes" for path in kept}
    title = f"Distributions of {settings.name} {settings.version}"
    give_verdict(title, checks, name="release-build", report=report, json=json, facts=facts)


def _of_files(first: Path, second: Path) -> list[Check]:
    made, again = ({path.name: digest(path) for path in distributions(folder)} for folder in (first, second))
    kinds = sorted(name.rpartition(".")[2] for name in made)
    if kinds != ["gz", "whl"]:
        return [Check("build", "files", "failed", f"made {', '.join(made) or 'nothing'}, not one wheel and one sdist")]
    return list(reproducible(made, again))


def _of_contents(built: Path, checkout: Path) -> list[Check]:
    files = (path for path in checkout.rglob("*") if path.is_file() and ".git" not in path.relative_to(checkout).parts)
    tracked = {path.relative_to(checkout).as_posix(): path.read_bytes() for path in files}
    settings = read_settings(checkout)
    made = map(Distribution.read, distributions(built))
    return [check for found in made for check in distribution_checks(found, settings, tracked)]


def try_distributions(folder: str, *, report: str, json: bool) -> None:
    """Install wheel and sdist, each in an empty environment, and run the trial commands.

    Raises:
        OpsError: one can't be installed, or a command failed.
        Refused: there is nothing to try.
    """
    root = load_project().root
    settings = read_settings(root)
    found = distributions(root / folder)
    if not found:
        raise Refused(f"no wheel or sdist in {folder}", "invoke release.build")
    if settings.try_in and not (root / settings.try_in).is_dir():
        raise Refused(f"[tool.optimus-ops.release] try-in: there is no folder {settings.try_in}")
    checks: list[Check] = []
    with tempfile.TemporaryDirectory(prefix="release-try-") as name:
        trial = Trial(Path(name), root, settings)
        for path in found:
            with Console.for_stream(sys.stderr).step(f"trying {path.name}") as progress:
                checks += trial.checks(path, progress)
    python = ".".join(map(str, sys.version_info[:3]))
    title = f"{settings.name} {settings.version} in empty environments"
    give_verdict(title, checks, name="release-try", report=report, json=json, facts={"Python": python})


def notes(tag: str, *, json: bool) -> None:
    """Print the changelog's section of a version.

    Raises:
        Refused: the tag is none, or the changelog has no such section.
    """
    root = load_project().root
    settings = read_settings(root)
    version = version_of_tag(tag) if tag else settings.version
    if version is None:
        raise Refused(f"--tag {tag}: v and a version are wanted, as v1.2.0")
    text = release_notes(read_text(root / settings.changelog) or "", version)
    if json:
        print_json({"version": str(version), "notes": text})
    else:
        sys.stdout.write(text)
