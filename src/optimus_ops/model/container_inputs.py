"""What a service's containers are given besides their image: each is a part of what a container was made from.

Source: https://github.com/compose-spec/compose-spec/blob/main/spec.md (configs, secrets, volumes).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Kind = Literal["configuration", "secret", "definition"]

VARIABLE_NAMES = "names of variables"
"""The input of which variables there are; a changed value is found by comparing with the container's own."""
NOT_GIVEN = frozenset(
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
"""Keys of a service that change nothing about its containers, or are looked at in another way."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Something that a container was given, and that is another one now.

    Args:
        kind: what it is to a person.
        name: what it is called.
    """

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Given:
    """One thing that containers are given.

    Args:
        kind: what it is to a person.
        name: what it is called ("tenants.yaml", "ports").
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
        """Return what tells it from everything else that a service is given."""
        return f"{self.kind} {self.path or self.name}"

    @property
    def copied(self) -> bool:
        """Whether Compose copies it into a container as that is made: there it stays as it was then."""
        return not self.path and bool(self.target)


def given_to(raw: Mapping[str, Any], document: Mapping[str, Any]) -> tuple[Given, ...]:
    """Return what a service of the merged model gives its containers.

    Args:
        raw: the service.
        document: the model, for its configs, secrets and volumes.
    """
    found = [
        *_mounted(raw),
        *_referred("configuration", raw.get("configs"), document.get("configs")),
        *_referred("secret", raw.get("secrets"), document.get("secrets")),
        *_volumes(raw, document.get("volumes") or {}),
        *_definition(raw),
    ]
    return tuple({given.key: given for given in found}.values())


def _mounted(raw: Mapping[str, Any]) -> Iterator[Given]:
    """Yield the files and folders that are mounted read-only: what containers write to is their data."""
    for volume in raw.get("volumes") or ():
        if volume.get("type") == "bind" and volume.get("read_only"):
            path = str(volume["source"])
            yield Given("configuration", path.rpartition("/")[2] or path, path=path, target=str(volume.get("target")))


def _referred(kind: Kind, references: Any, defined: Any) -> Iterator[Given]:
    for reference in references or ():
        name = str(reference["source"])
        source: Mapping[str, Any] = (defined or {}).get(name) or {}
        folder = "/run/secrets/" if kind == "secret" else "/"
        target = str(reference.get("target") or name)
        yield Given(
            kind,
            name,
            path=str(source.get("file") or ""),
            content=str(source.get("content") or ""),
            variable="" if source.get("content") else str(source.get("environment") or ""),
            target=target if target.startswith("/") else folder + target,
        )


def _volumes(raw: Mapping[str, Any], defined: Mapping[str, Any]) -> Iterator[Given]:
    """Yield which volume stands behind each name, and how it is made; what is in it is data."""
    for volume in raw.get("volumes") or ():
        name = str(volume.get("source") or "")
        if volume.get("type") == "volume" and name in defined:
            yield Given("definition", f"volume {name}", content=_text(defined[name]))


def _definition(raw: Mapping[str, Any]) -> Iterator[Given]:
    for key, value in raw.items():
        if key in NOT_GIVEN or value in (None, {}, [], ""):
            continue
        if key == "deploy":
            value = {inner: part for inner, part in value.items() if inner != "replicas"}  # noqa: PLW2901 - trimmed
        yield Given("definition", str(key), content=_text(value))
    names = sorted(raw.get("environment") or {})
    # Their values are compared with those that a container has; which there are, only here.
    yield Given("definition", VARIABLE_NAMES, content=_text(names))


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)
