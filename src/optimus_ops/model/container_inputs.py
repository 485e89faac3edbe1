"""Container inputs: what a service's containers are created from besides their image.

Source: https://github.com/compose-spec/compose-spec/blob/main/spec.md (configs, secrets, volumes).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["configuration", "secret", "definition"]

VARIABLE_NAMES = "names of variables"
"""The input of which variables there are; a changed value is found by comparing with the container's own."""
NOT_COMPARED = frozenset(
    {
        # Compared by what they come to: the image's id, the variables one by one, the numbers of replicas.
        "build",
        "environment",
        "env_file",
        "image",
        "pull_policy",
        "scale",
        # About when containers start, not about what they are.
        "depends_on",
        "profiles",
        "develop",
        "attach",
    }
)
"""Keys of a service that change nothing about its containers, or are compared in another way."""
SECRETS_FOLDER = "/run/secrets"
DATA_LABEL = "com.optimus.data-mounts"
"""Names mounts of a service (where it finds them, separated by commas) that hold data, and not its configuration."""


@dataclass(frozen=True, slots=True)
class ChangedInput:
    """An input that changed since a container was created."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class ContainerInput:
    """One input of a service's containers: `kind` and `name` are for people ("tenants.yaml", "ports").

    Args:
        path: the file or folder on the host that holds it, absolute; "" where the Compose files hold it.
        content: what it is where the Compose files say so themselves.
        variable: the environment variable that holds it; "" for none.
        target: where containers find it; "" where it is no file of theirs.
    """

    kind: Kind
    name: str
    path: str = ""
    content: str = field(default="", repr=False)
    variable: str = ""
    target: str = ""

    @property
    def key(self) -> str:
        """What tells it from every other input of a service."""
        return f"{self.kind} {self.path or self.name}"

    @property
    def copied(self) -> bool:
        """Whether Compose copies it into a container at creation: there it stays as it was then."""
        return not self.path and bool(self.target)


def container_inputs(raw: Mapping[str, Any], document: Mapping[str, Any]) -> tuple[ContainerInput, ...]:
    """Return the inputs of a service's containers; the merged model holds the configs, secrets and volumes."""
    inputs = [
        *_mounted(raw),
        *_referred("configuration", raw.get("configs"), document.get("configs") or {}),
        *_referred("secret", raw.get("secrets"), document.get("secrets") or {}),
        *_volumes(raw, document.get("volumes") or {}),
        *_definition(raw),
    ]
    return tuple({found.key: found for found in inputs}.values())


def _mounted(raw: Mapping[str, Any]) -> Iterator[ContainerInput]:
    """Yield the files and folders that are mounted read-only: what containers write to is their data."""
    data = labels_of(raw).get(DATA_LABEL, "").split(",")
    for volume in raw.get("volumes") or ():
        path, target = str(volume.get("source")), str(volume.get("target"))
        if volume.get("type") == "bind" and volume.get("read_only") and target not in data:
            yield from _named_files(raw, path, target) or [_file(path, target)]


def _named_files(raw: Mapping[str, Any], path: str, target: str) -> list[ContainerInput]:
    """Return the files of a mounted folder that the service's variables name: others there are none of its business.

    A folder of secrets holds what is the service's own, whether a variable names it or not.
    """
    if target == SECRETS_FOLDER:
        return []
    values = {str(value) for value in (raw.get("environment") or {}).values()}
    below = sorted(value.removeprefix(target) for value in values if value.startswith(f"{target}/"))
    return [_file(f"{path}{rest}", f"{target}{rest}") for rest in below]


def _file(path: str, target: str) -> ContainerInput:
    return ContainerInput("configuration", path.rpartition("/")[2] or path, path=path, target=target)


def _referred(kind: Kind, references: Any, defined: Mapping[str, Any]) -> Iterator[ContainerInput]:
    for reference in references or ():
        name = str(reference["source"])
        source: Mapping[str, Any] = defined.get(name) or {}
        folder = f"{SECRETS_FOLDER}/" if kind == "secret" else "/"
        target = str(reference.get("target") or name)
        yield ContainerInput(
            kind,
            name,
            path=str(source.get("file") or ""),
            content=str(source.get("content") or ""),
            variable="" if source.get("content") else str(source.get("environment") or ""),
            target=target if target.startswith("/") else folder + target,
        )


def _volumes(raw: Mapping[str, Any], defined: Mapping[str, Any]) -> Iterator[ContainerInput]:
    """Yield how the volume behind each name is made; what is in it is data."""
    for volume in raw.get("volumes") or ():
        name = str(volume.get("source") or "")
        if volume.get("type") == "volume" and name in defined:
            yield ContainerInput("definition", f"volume {name}", content=_text(defined[name]))


def _definition(raw: Mapping[str, Any]) -> Iterator[ContainerInput]:
    deploy = {key: value for key, value in (raw.get("deploy") or {}).items() if key != "replicas"}
    for key, value in raw.items():
        if key not in NOT_COMPARED and value not in (None, {}, [], ""):
            yield ContainerInput("definition", key, content=_text(deploy if key == "deploy" else value))
    yield ContainerInput("definition", VARIABLE_NAMES, content=_text(sorted(raw.get("environment") or {})))


def labels_of(raw: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels of a service of the merged model, which may be a table or a list."""
    labels = raw.get("labels")
    if isinstance(labels, dict):
        return {str(key): str(value) for key, value in labels.items()}
    pairs = (str(label).partition("=") for label in labels) if isinstance(labels, list) else ()
    return {key: value for key, _equals, value in pairs}


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)
