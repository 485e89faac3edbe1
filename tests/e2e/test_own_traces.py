"""The trace of a request over all services, as a collector gets it."""

from typing import Any

import httpx
from tests.e2e.asking import deliver, notification, state_once, unique
from tests.e2e.collector import CollectedSpan, Collector
from tests.e2e.driven import QUEUE_ATTEMPTS, OwnPlatform, until
from tests.e2e.tracing import QUEUE_STEPS, RECALL_STEPS, Context, ask, whole_trace


def test_a_message_has_one_trace_through_the_queue(
    traced: OwnPlatform, collector: Collector, http: httpx.Client
) -> None:
    context, message_id = Context(), unique("wamid")
    assert deliver(http, traced, notification(message_id, "hello"), **context.headers).status_code == 200
    state_once(http, traced, message_id, "answered", "acme")
    spans = whole_trace(collector, context, QUEUE_STEPS)
    step = {span.step: span for span in spans}
    publish, process = (
        step["backend-orchestrator", "publish optimus:queue:inbound"],
        step["orchestrator-worker", "process optimus:queue:inbound"],
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


def test_each_attempt_at_a_message_is_below_its_publishing_and_names_the_attempt_before(
    traced: OwnPlatform, collector: Collector, http: httpx.Client
) -> None:
    # Known to the backend and to nobody behind it: each attempt fails.
    context = Context()
    body = {"from": unique("ana"), "text": "hello"}
    headers = traced.bearer("stranger") | context.headers
    message_id = http.post(f"{traced.backend}/v1/messages", json=body, headers=headers).json()["message_id"]
    state_once(http, traced, message_id, "dead", "stranger")

    def attempts() -> list[CollectedSpan] | None:
        found = [span for span in collector.trace(context.trace_id) if span.name == "process optimus:queue:inbound"]
        return found if len(found) >= QUEUE_ATTEMPTS else None

    found = until(attempts)
    assert all(span.failed for span in found)
    by_number = sorted(found, key=lambda span: span.attributes["optimus.queue.attempt"])
    assert [span.attributes["optimus.queue.attempt"] for span in by_number] == [1, 2, 3]
    assert [span.links for span in by_number] == [(), *((span.span_id,) for span in by_number[:-1])]
    (publish,) = (span for span in collector.trace(context.trace_id) if span.kind == "producer")
    assert {span.parent_id for span in found} == {publish.span_id}
