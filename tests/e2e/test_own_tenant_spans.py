"""Whose request a span is of, where tenants ask at the same time."""

from concurrent.futures import ThreadPoolExecutor

import httpx
from tests.e2e.asking import deliver, notification, state_once, together, unique
from tests.e2e.collector import CollectedSpan, Collector
from tests.e2e.driven import NUMBERS, OwnPlatform, until
from tests.e2e.tracing import QUEUE_STEPS, RECALL_STEPS, Context, ask, whole_trace

EACH = 20
HOSTILE = {"baggage": "optimus.tenant=globex", "tracestate": "optimus.tenant=globex"}


def tenants_of(spans: list[CollectedSpan]) -> set[object]:
    """The tenants that spans name; every server and consumer span names one."""
    assert all("optimus.tenant" in span.attributes for span in spans if span.kind in {"server", "consumer"})
    return {span.attributes["optimus.tenant"] for span in spans if "optimus.tenant" in span.attributes}


def test_chats_of_two_tenants_at_the_same_time_do_not_mix(
    traced: OwnPlatform, collector: Collector, http: httpx.Client
) -> None:
    contexts = [(Context(), tenant) for _ in range(EACH) for tenant in NUMBERS]
    recall = HOSTILE | {"X-Recall": "true"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda each: ask(http, traced, each[1], **each[0].headers, **recall), contexts))
    assert {answer.status_code for answer in answers} == {200}
    for context, tenant in contexts:
        assert tenants_of(whole_trace(collector, context, RECALL_STEPS)) == {tenant}


def test_messages_of_two_tenants_that_are_queued_at_the_same_time_do_not_mix(
    traced: OwnPlatform, collector: Collector, http: httpx.Client
) -> None:
    messages = [(Context(), tenant, unique("wamid")) for _ in range(EACH) for tenant in NUMBERS]

    def send(message: tuple[Context, str, str]) -> int:
        context, tenant, message_id = message
        # Senders of their own: the messages of one are answered one after another.
        body = notification(message_id, "hello", tenant, sender=message_id)
        return deliver(http, traced, body, **context.headers, **HOSTILE).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, messages)) == {200}
    for context, tenant, message_id in messages:
        state_once(http, traced, message_id, "answered", tenant)
        assert tenants_of(whole_trace(collector, context, QUEUE_STEPS)) == {tenant}


def test_a_call_with_messages_of_two_tenants_has_a_part_of_each_and_is_nobodys(
    traced: OwnPlatform, collector: Collector, http: httpx.Client
) -> None:
    context, ids = Context(), {tenant: unique("wamid") for tenant in NUMBERS}
    calls = [notification(message_id, "hello", tenant, message_id) for tenant, message_id in ids.items()]
    assert deliver(http, traced, together(calls), **context.headers).status_code == 200
    for tenant, message_id in ids.items():
        state_once(http, traced, message_id, "answered", tenant)

    def both() -> list[CollectedSpan] | None:
        found = whole_trace(collector, context, QUEUE_STEPS)
        return found if sum(span.kind == "server" for span in found) == 1 + len(NUMBERS) else None

    spans = until(both)
    (call,) = (span for span in spans if span.parent_id == context.span_id)
    assert "optimus.tenant" not in call.attributes
    published = [span for span in spans if span.kind == "producer"]
    assert sorted(str(span.attributes["optimus.tenant"]) for span in published) == sorted(NUMBERS)
    for publish in published:
        assert tenants_of(below(publish, spans)) == {publish.attributes["optimus.tenant"]}


def below(span: CollectedSpan, spans: list[CollectedSpan]) -> list[CollectedSpan]:
    """A span and all that belongs to it."""
    children = [child for child in spans if child.parent_id == span.span_id]
    return [span, *(found for child in children for found in below(child, spans))]
