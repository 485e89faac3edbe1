"""What travels beside the body of a request: parameters of path, query, header and cookie, and who the caller is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from optimus_ops.contracts.document import Document, Operation
from optimus_ops.contracts.subschema import SubschemaCheck

# https://spec.openapis.org/oas/v3.1.1#parameter-object: to be ignored as parameters; the last is `security`.
IGNORED = frozenset({"accept", "content-type", "authorization"})


def parameter_findings(check: SubschemaCheck, need: Operation, offer: Operation) -> Iterator[tuple[str, str]]:
    """Yield field and reason for each parameter that does not fit."""
    sent, taken = _parameters(need), _parameters(offer)
    for (place, key), (name, parameter) in sent.items():
        field = f"request {place} {name}"
        if (place, key) in taken:
            wanted = taken[place, key][1].get("schema", True)
            for mismatch in check.mismatches(parameter.get("schema", True), wanted):
                yield f"{field}{mismatch.path}", mismatch.reason
        elif place != "path":
            # A placeholder of the path says enough without a parameter.
            yield field, "is sent, but not known there"
    for (place, key), (name, parameter) in taken.items():
        if place == "path" or parameter.get("required") is not True:
            continue
        if (place, key) not in sent:
            yield f"request {place} {name}", "is required there, but not sent"
        elif sent[place, key][1].get("required") is not True:
            yield f"request {place} {name}", "is required there, but not always sent"


def _parameters(operation: Operation) -> Mapping[tuple[str, str], tuple[str, Mapping[str, Any]]]:
    """Return (place, key) -> (name, parameter).

    The key of a path's parameter is its position, since its name is nobody's business; header names ignore case.
    """
    document = operation.document
    positions = {name: str(index) for index, name in enumerate(re.findall(r"\{([^}]*)\}", operation.path))}
    found: dict[tuple[str, str], tuple[str, Mapping[str, Any]]] = {}
    for raw in document.sequence(operation.content.get("parameters"), "parameters"):
        parameter = document.part(raw, "a parameter", without=("content",))
        name, place = str(parameter.get("name", "")), str(parameter.get("in", ""))
        if place != "header" or name.lower() not in IGNORED:
            key = {"header": name.lower(), "path": positions.get(name, name)}.get(place, name)
            found[place, key] = (name, parameter)
    return found


def security_findings(need: Operation, offer: Operation) -> Iterator[tuple[str, str]]:
    """Yield field and reason if the consumer does not say who it is in a way that the provider takes."""
    shown = [scheme for schemes in _ways(need) for scheme in schemes]
    accepted = list(_ways(offer))
    if accepted and not any(all(scheme in shown for scheme in schemes) for schemes in accepted):
        texts = [" and ".join(map(_text, schemes)) for schemes in accepted]
        yield "request security", f"is {' and '.join(map(_text, shown)) or 'nothing'}, required is {' or '.join(texts)}"


def _ways(operation: Operation) -> Iterator[list[Mapping[str, Any]]]:
    """Yield each way to say who calls: schemes that go together. A scheme is what it does, whatever it is called."""
    document = operation.document
    components = document.mapping(document.content.get("components"), "components")
    schemes = document.mapping(components.get("securitySchemes"), "securitySchemes")
    for raw in document.sequence(operation.content.get("security"), "security"):
        yield [_scheme(document, schemes, name) for name in document.mapping(raw, "security")]


def _scheme(document: Document, schemes: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if name not in schemes:
        raise document.malformed(f"there is no security scheme {name!r}")
    scheme = document.part(schemes[name], f"security scheme {name}")
    return {word: str(scheme[word]).lower() for word in ("type", "scheme", "in", "name") if word in scheme}


def _text(scheme: Mapping[str, Any]) -> str:
    return " ".join(scheme.values())
