"""Making a service's offer: the OpenAPI document of its application, without what says nothing about the contract.

A service is `services/NAME` with the application factory `build_app` in `NAME/app.py` (its package: `-` becomes `_`).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optimus_ops.contracts.model import FOLDER, NEEDS, SERVICES
from optimus_ops.errors import OpsError, Refused
from optimus_ops.system.process import CommandFailed, run

SHARED = "kit"
SECONDS = 60.0
# What a document tells people; a change of it is no change of the contract.
NOTES = frozenset({"title", "description", "summary", "operationId", "tags", "example", "examples", "externalDocs"})
# Below these, the next names are the service's own: fields, paths, statuses, schemas.
NAMED = frozenset(
    {"properties", "patternProperties", "paths", "responses", "headers", "content", "schemas", "parameters", "$defs"}
)
# https://spec.openapis.org/oas/v3.1.1#response-object: a response needs a description.
RESPONSE = "responses"
SCRIPT = """
import importlib, json, sys
print(json.dumps(importlib.import_module(sys.argv[1] + ".app").build_app().openapi()))
"""


def services_with_contracts(root: Path) -> tuple[str, ...]:
    """Return the services of a checkout that have a contract, sorted."""
    services = sorted(folder.parent.name for folder in (root / SERVICES).glob(f"*/{FOLDER}") if folder.is_dir())
    if not services:
        raise Refused("no service here has a contract", f"make a folder {SERVICES}/NAME/{FOLDER} with a {NEEDS}")
    return tuple(services)


def offer_of(root: Path, service: str) -> str:
    """Return the text of a service's `offers.json`, made from its sources in a checkout.

    The service runs in a process of its own, far enough to have an application; nothing is connected to.
    """
    folder = root / SERVICES / service
    with tempfile.TemporaryDirectory(prefix="optimus-contract-") as secrets:
        environ = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join([str(folder / "src"), str(root / SERVICES / SHARED / "src")]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SECRETS_DIR": secrets,
            "TENANTS_FILE": str(root / "config" / "tenants.yaml"),
        }
        try:
            done = run(
                [sys.executable, "-c", SCRIPT, service.replace("-", "_")],
                cwd=Path(secrets),
                environ=environ,
                deadline=SECONDS,
            )
        except CommandFailed as failed:
            reason = failed.completed.stderr.strip().splitlines()[-1:] or ["no output"]
            raise OpsError(
                f"{service}: its application can't be made: {reason[0]}", "its packages come with scripts/bootstrap.py"
            ) from failed
    return offer_text(json.loads(done.stdout))


def offer_text(document: Mapping[str, Any]) -> str:
    """Return an OpenAPI document as it is committed: sorted, without notes for people and versions."""
    bare = {**_without_notes(document), "info": {"title": document["info"]["title"], "version": "0"}}
    return json.dumps(bare, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _without_notes(raw: Any, above: str = "") -> Any:
    if isinstance(raw, list):
        return [_without_notes(inner) for inner in raw]
    if not isinstance(raw, Mapping):
        return raw
    if above in NAMED:
        kept = {name: _without_notes(inner) for name, inner in raw.items()}
        return {name: _described(inner) for name, inner in kept.items()} if above == RESPONSE else kept
    return {
        name: inner if name in {"enum", "const", "default"} else _without_notes(inner, name)
        for name, inner in raw.items()
        if name not in NOTES
    }


def _described(response: Any) -> Any:
    return {"description": "", **response} if isinstance(response, Mapping) and "$ref" not in response else response
