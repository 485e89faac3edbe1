"""What a consumer needs of a provider that the provider does not offer.

Consumer-driven: only what the consumer uses counts, so an offer may grow, and lose what nobody uses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optimus_ops.contracts.document import Document
from optimus_ops.contracts.messages import REQUEST, RESPONSE
from optimus_ops.contracts.model import Break
from optimus_ops.contracts.parameters import parameter_findings, security_findings
from optimus_ops.contracts.subschema import Fitting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    Args:
        path: the path with its parameters.
        method: in lower case.
        item: what the document says of the path.
        content: what the document says of the method.
    """

    path: str
    method: str
    item: Mapping[str, Any]
    content: Mapping[str, Any]

    @property
    def endpoint(self) -> str:
        """Return method and path as people write them."""
        return f"{self.method.upper()} {self.path}"

    @property
    def key(self) -> tuple[str, str]:
        """Return method and path without the names of the path's parameters."""
        return self.method, re.sub(r"\{[^}]*\}", "{}", self.path)


def breaks(consumer: str, need: Mapping[str, Any], provider: str, offer: Mapping[str, Any]) -> tuple[Break, ...]:
    """Return what a consumer needs and a provider does not offer; nothing if they fit.

    Args:
        consumer: name of the service that calls.
        need: the part of the provider's OpenAPI document that it uses.
        provider: name of the service that is called.
        offer: the provider's OpenAPI document.

    Raises:
        Refused: one of the documents is malformed.
    """
    wanted = Document(f"what {consumer} needs of {provider}", need)
    offered = Document(f"the offer of {provider}", offer)
    known = {operation.key: operation for operation in _operations(offered)}
    found: list[Break] = []
    for operation in _operations(wanted):
        match = known.get(operation.key)
        findings = [("", "is not offered")] if match is None else _findings(wanted, operation, offered, match)
        found += [Break(consumer, provider, operation.endpoint, *finding) for finding in findings]
    return tuple(dict.fromkeys(found))


def _operations(document: Document) -> Iterator[Operation]:
    for path, raw in document.mapping(document.content.get("paths"), "paths").items():
        item = document.resolved(raw, f"path {path}")
        for method in METHODS:
            if method in item:
                yield Operation(path, method, item, document.mapping(item[method], f"{method.upper()} {path}"))


def _findings(wanted: Document, need: Operation, offered: Document, offer: Operation) -> Iterator[tuple[str, str]]:
    """Yield field and reason for everything about one endpoint that does not fit."""
    to_provider = Fitting(wanted, offered, REQUEST)
    from_provider = Fitting(offered, wanted, RESPONSE)
    yield from security_findings(wanted, need.content, offered, offer.content)
    yield from parameter_findings(
        to_provider, (need.path, need.item, need.content), (offer.path, offer.item, offer.content)
    )
    yield from _body_findings(to_provider, need.content.get("requestBody"), offer.content.get("requestBody"))
    yield from _response_findings(from_provider, need.content, offer.content)


def _body_findings(fitting: Fitting, need: Any, offer: Any) -> Iterator[tuple[str, str]]:
    sent = fitting.giver.resolved(need, "requestBody")
    taken = fitting.taker.resolved(offer, "requestBody")
    if taken.get("required") is True and sent.get("required") is not True:
        yield "request body", f"is required there, but {'not always sent' if need else 'not sent'}"
    contents = fitting.taker.mapping(taken.get("content"), "content")
    for media, content in fitting.giver.mapping(sent.get("content"), "content").items():
        match = _of_media(contents, media)
        if match is None:
            yield "request body", f"is sent as {media}, accepted is {' or '.join(contents) or 'none'}"
            continue
        given, wanted = _schema(fitting.giver, content), _schema(fitting.taker, match)
        for misfit in fitting.misfits(given, wanted):
            yield f"request {misfit.path or 'body'}", misfit.reason


def _response_findings(
    fitting: Fitting, need: Mapping[str, Any], offer: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    statuses = fitting.giver.mapping(offer.get("responses"), "responses")
    for status, raw in fitting.taker.mapping(need.get("responses"), "responses").items():
        # https://spec.openapis.org/oas/v3.1.1#responses-object: a status, a range of them, the rest.
        said = next((statuses[name] for name in (status, f"{status[:1]}XX", "default") if name in statuses), None)
        if said is None:
            yield f"response {status}", "is not offered"
            continue
        offered = fitting.giver.resolved(said, f"response {status}")
        wanted = fitting.taker.resolved(raw, f"response {status}")
        yield from _content_findings(fitting, f"response {status}", wanted, offered)
        yield from _header_findings(fitting, f"response {status} header", wanted, offered)


def _content_findings(
    fitting: Fitting, place: str, wanted: Mapping[str, Any], offered: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    contents = fitting.giver.mapping(offered.get("content"), "content")
    for media, content in fitting.taker.mapping(wanted.get("content"), "content").items():
        match = _of_media(contents, media)
        if match is None:
            yield f"{place} body", f"is offered as {' or '.join(contents) or 'nothing'}, needed is {media}"
            continue
        given, needed = _schema(fitting.giver, match), _schema(fitting.taker, content)
        for misfit in fitting.misfits(given, needed):
            yield f"{place} {misfit.path or 'body'}", misfit.reason


def _header_findings(
    fitting: Fitting, place: str, wanted: Mapping[str, Any], offered: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    headers = {
        name.lower(): fitting.giver.resolved(raw, f"header {name}")
        for name, raw in fitting.giver.mapping(offered.get("headers"), "headers").items()
    }
    for name, raw in fitting.taker.mapping(wanted.get("headers"), "headers").items():
        needed = fitting.taker.resolved(raw, f"header {name}")
        given = headers.get(name.lower())
        if given is None:
            if needed.get("required") is True:
                yield f"{place} {name}", "is not offered"
            continue
        if needed.get("required") is True and given.get("required") is not True:
            yield f"{place} {name}", "is not always there"
        for misfit in fitting.misfits(given.get("schema", True), needed.get("schema", True)):
            yield f"{place} {name}{misfit.path}", misfit.reason


def _of_media(contents: Mapping[str, Any], media: str) -> Any:
    """Return what is said of a media type: by its name, else by the nearest range."""
    family = f"{media.partition('/')[0]}/*"
    return next((contents[name] for name in (media, family, "*/*") if name in contents), None)


def _schema(document: Document, content: Any) -> Any:
    return document.mapping(content, "content").get("schema", True)
