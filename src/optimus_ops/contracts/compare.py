"""What a consumer needs of a provider that the provider does not offer.

Consumer-driven: only what the consumer uses counts, so an offer may grow, and lose what nobody uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from optimus_ops.contracts.document import Document, Operation, operations
from optimus_ops.contracts.messages import REQUEST, RESPONSE
from optimus_ops.contracts.model import Break
from optimus_ops.contracts.parameters import parameter_findings, security_findings
from optimus_ops.contracts.subschema import SubschemaCheck

# Field and reason.
Findings = Iterator[tuple[str, str]]


def breaks(consumer: str, expected: Mapping[str, Any], provider: str, provided: Mapping[str, Any]) -> tuple[Break, ...]:
    """Return what a consumer needs of a provider's OpenAPI document and isn't there; nothing if they fit.

    Raises:
        Refused: one of the documents is malformed, or uses a keyword that isn't compared.
    """
    offers = {offer.key: offer for offer in operations(Document(f"the offer of {provider}", provided))}
    found: list[Break] = []
    for need in operations(Document(f"what {consumer} needs of {provider}", expected)):
        offer = offers.get(need.key)
        findings = [("", "is not offered")] if offer is None else _findings(need, offer)
        found += [Break(consumer, provider, need.endpoint, *finding) for finding in findings]
    return tuple(dict.fromkeys(found))


def _findings(need: Operation, offer: Operation) -> Findings:
    """Yield field and reason for everything about one endpoint that does not fit."""
    request = SubschemaCheck(need.document, offer.document, REQUEST)
    response = SubschemaCheck(offer.document, need.document, RESPONSE)
    yield from security_findings(need, offer)
    yield from parameter_findings(request, need, offer)
    yield from _body_findings(request, need.content.get("requestBody"), offer.content.get("requestBody"))
    yield from _response_findings(response, need.content, offer.content)


def _body_findings(check: SubschemaCheck, need: Any, offer: Any) -> Findings:
    sent = check.giver.part(need, "requestBody")
    taken = check.taker.part(offer, "requestBody")
    if taken.get("required") is True and sent.get("required") is not True:
        yield "request body", f"is required there, but {'not always sent' if need else 'not sent'}"
    yield from _content_findings(check, "request", sent, taken)


def _response_findings(check: SubschemaCheck, need: Mapping[str, Any], offer: Mapping[str, Any]) -> Findings:
    statuses = check.giver.mapping(offer.get("responses"), "responses")
    for status, raw in check.taker.mapping(need.get("responses"), "responses").items():
        place = f"response {status}"
        if status not in statuses:
            yield place, "is not offered"
            continue
        given, taken = check.giver.part(statuses[status], place), check.taker.part(raw, place)
        yield from _content_findings(check, place, given, taken)
        yield from _header_findings(check, f"{place} header", given, taken)


def _content_findings(
    check: SubschemaCheck, place: str, given: Mapping[str, Any], taken: Mapping[str, Any]
) -> Findings:
    """Compare bodies for each media type of the consumer."""
    offered = check.giver.mapping(given.get("content"), "content")
    wanted = check.taker.mapping(taken.get("content"), "content")
    sides = ((check.giver, offered), (check.taker, wanted))
    for media in offered if check.direction.to_provider else wanted:
        if media not in offered:
            yield f"{place} body", check.direction.reason(" or ".join(offered) or "nothing", media)
        elif media not in wanted:
            yield f"{place} body", check.direction.reason(media, " or ".join(wanted) or "none")
        else:
            schemas = (side.mapping(content[media], media).get("schema", True) for side, content in sides)
            for mismatch in check.mismatches(*schemas):
                yield f"{place} {mismatch.path or 'body'}", mismatch.reason


def _header_findings(check: SubschemaCheck, place: str, given: Mapping[str, Any], taken: Mapping[str, Any]) -> Findings:
    offered = {
        name.lower(): check.giver.part(raw, f"header {name}")
        for name, raw in check.giver.mapping(given.get("headers"), "headers").items()
    }
    for name, raw in check.taker.mapping(taken.get("headers"), "headers").items():
        wanted = check.taker.part(raw, f"header {name}")
        match = offered.get(name.lower())
        always = match is not None and match.get("required") is True
        if wanted.get("required") is True and not always:
            yield f"{place} {name}", "is not offered" if match is None else "is not always there"
        if match is not None:
            for mismatch in check.mismatches(match.get("schema", True), wanted.get("schema", True)):
                yield f"{place} {name}{mismatch.path}", mismatch.reason
