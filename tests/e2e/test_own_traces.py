"""The trace of a request over all services, as a collector gets it."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from tests.e2e.asking import deliver, notification, state_once, unique
from tests.e2e.collector import CollectedSpan, Collector, collecting
from tests.e2e.driven import NUMBERS, QUEUE_ATTEMPTS, OwnPlatform, own_platform, until
from tests.e2e.ways import chosen

QUEUE_STEPS = {
    ("backend-orchestrator", "POST /webhooks/whatsapp"),
    ("backend-orchestrator", "publish optimus:inbound"),
    ("orchestrator-worker", "process optimus:inbound"),
    ("orchestrator-worker", "POST"),
    ("ai-engine", "POST /v1/chat/completions"),
    ("ai-engine", "chat embedded"),
}
RECALL_STEPS = {
    ("ai-engine", "POST /v1/chat/completions"),
    ("ai-engine", "POST"),
    ("ai-engine", "chat embedded"),
    ("memory-engine", "POST /v1/memories/search"),
    ("memory-engine", "SELECT"),
    ("memory-engine", "WITH"),
}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(collector: Collector) -> Iterator[OwnPlatform]:
    with own_platform(chosen(), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="100") as platform:
        yield platform


class Context:
    """What a client sends, whose own span has no parent and is sent to nobody."""

    def __init__(self, flags: str = "01") -> None:
        self.trace_id = secrets.token_hex(16)
        self.span_id = secrets.token_hex(8)
        self.headers = {"traceparent": f"00-{self.trace_id}-{self.span_id}-{flags}"}


def whole_trace(collector: Collector, context: Context, steps: set[tuple[str, str]]) -> list[CollectedSpan]:
    """The spans once all steps are among them; each has its parent among them, or the client's."""

    def look() -> list[CollectedSpan] | None:
        found = collector.trace(context.trace_id)
        known = {span.span_id for span in found} | {context.span_id}
        complete = steps <= {span.step for span in found} and all(span.parent_id in known for span in found)
        return found if complete else None

    return until(look)


def ask(http: httpx.Client, traced: OwnPlatform, tenant: str, **headers: str) -> httpx.Response:
    body = {"model": "embedded", "messages": [{"role": "user", "content": "the colour of the sea"}]}
    url = f"{traced.ai_engines[0]}/v1/chat/completions"
    return http.post(url, json=body, headers=traced.bearer(tenant) | headers)


def test_a_message_has_one_trace_through_the_queue(
    traced: OwnPlatform, collector: Collector, http: httpx.Client
) -> None:
    context, message_id = Context(), unique("wamid")
    assert deliver(http, traced, notification(message_id, "hello"), **context.headers).status_code == 200
    state_once(http, traced, message_id, "answered", "acme")
    spans = whole_trace(collector, context, QUEUE_STEPS)
    step = {span.step: span for span in spans}
    publish, process = (
        step["backend-orchestrator", "publish optimus:inbound"],
        step["orchestrator-worker", "process optimus:inbound"],
    )
    assert (publish.kind, process.kind, process.parent_id) == ("producer", "consumer", publish.span_id)
    assert step["ai-engine", "POST /v1/chat/completions"].parent_id == step["orchestrator-worker", "POST"].span_id
    # Also where Redis was given a script that it didn't know yet.
    assert not [span for span in spans if span.failed or span.links]
    assert {span.attributes.get("optimus.tenant") for span in spans if span.kind in {"server", "consumer"}} == {"acme"}


def test_a_chat_that_recalls_has_one_trace_down_to_the_database(
    traced: OwnPlatform, collector: Collector, http: httpx.Client
) -> None:
    context = Context()
    answer = ask(http, traced, "acme", **context.headers, **{"X-Recall": "true"})
    assert answer.headers.get_list("X-Trace-Id") == [context.trace_id]
    spans = whole_trace(collector, context, RECALL_STEPS)
    (chat,) = (span for span in spans if span.name == "chat embedded")
    usage = answer.json()["usage"]
    assert {key: value for key, value in chat.attributes.items() if key.startswith("gen_ai.")} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "embedded",
        "gen_ai.request.model": "embedded",
        "gen_ai.request.stream": False,
        "gen_ai.output.type": "text",
        "gen_ai.response.model": "embedded",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": usage["prompt_tokens"],
        "gen_ai.usage.output_tokens": usage["completion_tokens"],
    }
    assert "the colour of the sea" not in str([span.attributes for span in spans])
    statements = [span for span in spans if span.service == "memory-engine" and span.kind == "client"]
    assert {span.name for span in statements} == {"SELECT", "WITH"}
    assert all("%" in str(span.attributes["db.statement"]) for span in statements)


def test_a_stream_tells_the_time_to_its_first_token(
    traced: OwnPlatform, collector: Collector, http: httpx.Client
) -> None:
    context = Context()
    body: dict[str, Any] = {"model": "embedded/200", "stream": True}
    body["messages"] = [{"role": "user", "content": "one two three"}]
    url = f"{traced.ai_engines[0]}/v1/chat/completions"
    assert http.post(url, json=body, headers=traced.bearer("acme") | context.headers).status_code == 200
    spans = whole_trace(collector, context, {("ai-engine", "chat embedded")})
    (chat,) = (span for span in spans if span.name == "chat embedded")
    assert chat.attributes["gen_ai.request.model"] == "embedded/200"
    assert chat.attributes["optimus.time_to_first_token"] > 0
    assert chat.attributes["gen_ai.response.finish_reasons"] == ["stop"]


def test_a_message_that_is_tried_again_stays_in_its_trace_and_names_the_attempt_before(
    traced: OwnPlatform, collector: Collector, http: httpx.Client
) -> None:
    # Known to the backend and to nobody behind it: each attempt fails.
    context = Context()
    body = {"from": unique("ana"), "text": "hello"}
    headers = traced.bearer("stranger") | context.headers
    message_id = http.post(f"{traced.backend}/v1/messages", json=body, headers=headers).json()["message_id"]
    state_once(http, traced, message_id, "dead", "stranger")

    def attempts() -> list[CollectedSpan] | None:
        found = [span for span in collector.trace(context.trace_id) if span.name == "process optimus:inbound"]
        return found if len(found) >= QUEUE_ATTEMPTS else None

    found = until(attempts)
    assert all(span.failed for span in found)
    by_number = sorted(found, key=lambda span: span.attributes["optimus.queue.attempt"])
    assert [span.attributes["optimus.queue.attempt"] for span in by_number] == [1, 2, 3]
    assert [span.links for span in by_number] == [(), *((span.span_id,) for span in by_number[:-1])]


def test_a_request_that_is_not_sampled_has_no_span_anywhere(
    traced: OwnPlatform, collector: Collector, http: httpx.Client
) -> None:
    silent, loud = Context("00"), Context()
    message_id = unique("wamid")
    deliver(http, traced, notification(message_id, "hello"), **silent.headers)
    state_once(http, traced, message_id, "answered", "acme")
    answer = ask(http, traced, "acme", **silent.headers, **{"X-Recall": "true"})
    assert answer.headers["X-Trace-Id"] == silent.trace_id
    # What was sent before the spans of a later request would be here with them.
    ask(http, traced, "acme", **loud.headers, **{"X-Recall": "true"})
    whole_trace(collector, loud, RECALL_STEPS)
    assert collector.trace(silent.trace_id) == []


def test_tenants_do_not_mix(traced: OwnPlatform, collector: Collector, http: httpx.Client) -> None:
    contexts = [(Context(), tenant) for _ in range(20) for tenant in NUMBERS]
    hostile = {"baggage": "optimus.tenant=globex", "tracestate": "optimus.tenant=globex", "X-Recall": "true"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda each: ask(http, traced, each[1], **each[0].headers, **hostile), contexts))
    assert {answer.status_code for answer in answers} == {200}
    for context, tenant in contexts:
        spans = whole_trace(collector, context, RECALL_STEPS)
        assert {span.attributes["optimus.tenant"] for span in spans if "optimus.tenant" in span.attributes} == {tenant}
        assert all("optimus.tenant" in span.attributes for span in spans if span.kind == "server")
