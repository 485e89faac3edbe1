"""What travels beside the body of a request: parameters of path, query, header and cookie, and who the caller is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optimus_ops.contracts.document import Document
    from optimus_ops.contracts.subschema import Fitting

# Path, what is said of the path, what is said of the method.
Said = tuple[str, Mapping[str, Any], Mapping[str, Any]]
# https://spec.openapis.org/oas/v3.1.1#parameter-object: to be ignored as parameters; the last is `security`.
IGNORED = frozenset({"accept", "content-type", "authorization"})


def parameter_findings(fitting: Fitting, need: Said, offer: Said) -> Iterator[tuple[str, str]]:
    """Yield field and reason for each parameter that does not fit.

    Args:
        fitting: compares what the consumer sends with what the provider takes.
        need: the consumer's endpoint.
        offer: the provider's endpoint.

    Raises:
        Refused: a document is malformed.
    """
    sent = _parameters(fitting.giver, need)
    taken = _parameters(fitting.taker, offer)
    for (place, key), (name, parameter) in sent.items():
        field = f"request {place} {name}"
        if (place, key) not in taken:
            # A placeholder of the path says enough without a parameter.
            if place != "path":
                yield field, "is sent, but not known there"
            continue
        given, wanted = _schema(fitting.giver, parameter), _schema(fitting.taker, taken[place, key][1])
        for misfit in fitting.misfits(given, wanted):
            yield f"{field}{misfit.path}", misfit.reason
    for (place, key), (name, parameter) in taken.items():
        if place == "path" or parameter.get("required") is not True:
            continue
        if (place, key) not in sent:
            yield f"request {place} {name}", "is required there, but not sent"
        elif sent[place, key][1].get("required") is not True:
            yield f"request {place} {name}", "is required there, but not always sent"


def _parameters(document: Document, said: Said) -> Mapping[tuple[str, str], tuple[str, Mapping[str, Any]]]:
    """Return (place, key) -> (name, parameter); the method's win over the path's.

    The key of a path's parameter is its position, since its name is nobody's business; header names ignore case.
    """
    path, item, content = said
    positions = {name: str(index) for index, name in enumerate(re.findall(r"\{([^}]*)\}", path))}
    found: dict[tuple[str, str], tuple[str, Mapping[str, Any]]] = {}
    for source in (item, content):
        for raw in document.sequence(source.get("parameters"), "parameters"):
            parameter = document.resolved(raw, "a parameter")
            name, place = str(parameter.get("name", "")), str(parameter.get("in", ""))
            if place == "header" and name.lower() in IGNORED:
                continue
            key = {"header": name.lower(), "path": positions.get(name, name)}.get(place, name)
            found[place, key] = (name, parameter)
    return found


def _schema(document: Document, parameter: Mapping[str, Any]) -> Any:
    if "content" not in parameter:
        return parameter.get("schema", True)
    contents = document.mapping(parameter["content"], "content")
    return next((document.mapping(content, "content").get("schema", True) for content in contents.values()), True)


def security_findings(
    wanted: Document, need: Mapping[str, Any], offered: Document, offer: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield field and reason if the consumer does not say who it is in a way that the provider takes.

    Args:
        wanted: the consumer's document.
        need: what it says of the method.
        offered: the provider's document.
        offer: what it says of the method.

    Raises:
        Refused: a document is malformed.
    """
    shown = [way for ways in _ways(wanted, need) for way in ways]
    accepted = list(_ways(offered, offer))
    if accepted and not any(all(way in shown for way in ways) for ways in accepted):
        texts = [" and ".join(_text(way) for way in ways) for ways in accepted]
        yield "request security", f"is {' and '.join(map(_text, shown)) or 'nothing'}, required is {' or '.join(texts)}"


def _ways(document: Document, operation: Mapping[str, Any]) -> Iterator[list[Mapping[str, Any]]]:
    """Yield each way to say who calls: schemes that go together. A scheme is what it does, whatever it is called."""
    source = operation if "security" in operation else document.content
    components = document.mapping(document.content.get("components"), "components")
    schemes = document.mapping(components.get("securitySchemes"), "securitySchemes")
    for raw in document.sequence(source.get("security"), "security"):
        yield [_scheme(document, schemes, name) for name in document.mapping(raw, "security")]


def _scheme(document: Document, schemes: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if name not in schemes:
        raise document.malformed(f"there is no security scheme {name!r}")
    scheme = document.resolved(schemes[name], f"security scheme {name}")
    return {word: str(scheme[word]).lower() for word in ("type", "scheme", "in", "name") if word in scheme}


def _text(scheme: Mapping[str, Any]) -> str:
    return " ".join(scheme.values())
