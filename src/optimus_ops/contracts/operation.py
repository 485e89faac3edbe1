"""The endpoints of an OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from optimus_ops.contracts.document import Document

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
