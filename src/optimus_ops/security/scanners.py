"""The scanners, in the order of reports."""

from __future__ import annotations

from collections.abc import Collection

from optimus_ops.errors import Refused
from optimus_ops.security.github_actions import WORKFLOW_SYNTAX, WORKFLOWS
from optimus_ops.security.gitleaks import HISTORY, SECRETS
from optimus_ops.security.hadolint import DOCKERFILES
from optimus_ops.security.pip_audit import DEPENDENCIES
from optimus_ops.security.scanner import Scanner
from optimus_ops.security.trivy import IMAGES

SCANNERS: tuple[Scanner, ...] = (SECRETS, HISTORY, DEPENDENCIES, DOCKERFILES, WORKFLOWS, WORKFLOW_SYNTAX, IMAGES)


def chosen_scanners(names: Collection[str]) -> tuple[Scanner, ...]:
    """Return the scanners of these names, all where none is named.

    Raises:
        Refused: there is no scanner of a name.
    """
    known = [scanner.name for scanner in SCANNERS]
    if unknown := sorted(set(names) - set(known)):
        raise Refused(f"no scanner {', '.join(unknown)}", f"scanners: {', '.join(known)}")
    return tuple(scanner for scanner in SCANNERS if not names or scanner.name in names)
