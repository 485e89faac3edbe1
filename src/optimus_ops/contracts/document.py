"""An OpenAPI document and its endpoints; its shape is checked where it is read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from optimus_ops.errors import Refused


@dataclass(frozen=True)
class Document:
    """One side of a comparison.

    Messages have its title ("the offer of memory-engine") and the place at which it is read ("POST /ask, response
    .at").
    """

    title: str
    content: Mapping[str, Any]
    place: str = ""

    def at(self, place: str) -> Document:
        """Return the same document, read at another place."""
        return replace(self, place=place)

    def target(self, reference: Any) -> Any:
        """Return what a `$ref` points to; refuse one that points out of the document, or nowhere."""
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise self.malformed(f"$ref {json.dumps(reference)} points out of the document")
        found: Any = self.content
        for part in reference.removeprefix("#/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or name not in found:
                raise self.malformed(f"$ref {reference!r} leads nowhere")
            found = found[name]
        return found

    def part(self, raw: Any, what: str, *, without: tuple[str, ...] = ()) -> Mapping[str, Any]:
        """Return an object that isn't a schema; refuse anything else, and keywords that contracts don't follow."""
        found = self.mapping(raw, what)
        for keyword in ("$ref", *without):
            if keyword in found:
                raise self.unsupported(f"{keyword} of {what}")
        return found

    def mapping(self, raw: Any, what: str) -> Mapping[str, Any]:
        """Return an object as it is, an empty one for null; refuse anything else."""
        if raw is None:
            return {}
        if not isinstance(raw, Mapping):
            raise self.malformed(f"{what} must be an object")
        return raw

    def sequence(self, raw: Any, what: str) -> list[Any]:
        """Return a list as it is, an empty one for null; refuse anything else."""
        if raw is None:
            return []
        if not isinstance(raw, list):
            raise self.malformed(f"{what} must be a list")
        return raw

    def malformed(self, text: str) -> Refused:
        """Return the error that says what is wrong with the document."""
        place = f" at {self.place}" if self.place else ""
        return Refused(f"{self.title} is malformed{place}: {text}", "make it anew: invoke contracts.generate")

    def unsupported(self, keyword: str) -> Refused:
        """Return the error for a keyword that contracts don't compare."""
        place = f" at {self.place}" if self.place else ""
        return Refused(
            f"{self.title} has {keyword}{place}, which contracts can't compare",
            "say it with the keywords in docs/contracts.md, or leave it to the code of the service",
        )


METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True)
class Operation:
    """One method (in lower case) of one path."""

    document: Document
    path: str
    method: str
    content: Mapping[str, Any]

    @property
    def endpoint(self) -> str:
        """Return method and path as people write them."""
        return f"{self.method.upper()} {self.path}"

    @property
    def key(self) -> tuple[str, str]:
        """Return method and path without the names of the path's parameters."""
        return self.method, re.sub(r"\{[^}]*\}", "{}", self.path)


def operations(document: Document) -> Iterator[Operation]:
    """Yield the operations of a document; what it says of all at once is refused."""
    root = document.part(document.content, "the whole document", without=("security",))
    for path, raw in document.mapping(root.get("paths"), "paths").items():
        item = document.part(raw, f"path {path}", without=("parameters",))
        for method in METHODS:
            if method in item:
                endpoint = f"{method.upper()} {path}"
                yield Operation(document.at(endpoint), path, method, document.mapping(item[method], endpoint))
