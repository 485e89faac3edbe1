"""A client that wants no spans (traceparent with flags 00): nothing is recorded, and its id can still be followed."""

import json
from collections.abc import Callable

import httpx
import pytest
from tests.e2e.asking import deliver, notification, state_once, unique
from tests.e2e.collector import Collector
from tests.e2e.driven import OwnPlatform, until
from tests.e2e.tracing import QUEUE_STEPS, RECALL_STEPS, Context, ask, whole_trace

Send = Callable[[httpx.Client, OwnPlatform, Context], httpx.Response]


def message(http: httpx.Client, traced: OwnPlatform, context: Context) -> httpx.Response:
    """A message through the queue, once it is answered."""
    message_id = unique("wamid")
    answer = deliver(http, traced, notification(message_id, "hello", sender=message_id), **context.headers)
    state_once(http, traced, message_id, "answered", "acme")
    return answer


def chat(http: httpx.Client, traced: OwnPlatform, context: Context) -> httpx.Response:
    """A chat that recalls."""
    return ask(http, traced, "acme", **context.headers, **{"X-Recall": "true"})


def search(http: httpx.Client, traced: OwnPlatform, context: Context) -> httpx.Response:
    """A search of memories."""
    url, query = f"{traced.memory}/v1/memories/search", {"query": "the colour of the sea"}
    return http.post(url, json=query, headers=traced.bearer("acme") | context.headers)


def services_that_logged(traced: OwnPlatform, trace_id: str) -> set[str]:
    """The services with a line of that trace."""
    lines = [line for service in traced.services for line in service.log.read_text().splitlines() if trace_id in line]
    facts = [json.loads(line) for line in lines]
    return {str(each["service"]) for each in facts if each["trace_id"] == trace_id}


@pytest.mark.parametrize(
    ("send", "steps", "services"),
    [
        (message, QUEUE_STEPS, {"backend-orchestrator", "orchestrator-worker", "ai-engine"}),
        (chat, RECALL_STEPS, {"ai-engine", "memory-engine"}),
        (search, {("memory-engine", "POST /v1/memories/search"), ("memory-engine", "WITH")}, {"memory-engine"}),
    ],
)
def test_no_service_records_a_span_and_each_names_the_trace(
    traced: OwnPlatform,
    collector: Collector,
    http: httpx.Client,
    send: Send,
    steps: set[tuple[str, str]],
    services: set[str],
) -> None:
    silent, loud = Context("00"), Context()
    answer = send(http, traced, silent)
    assert (answer.status_code, answer.headers.get_list("X-Trace-Id")) == (200, [silent.trace_id])
    until(lambda: services_that_logged(traced, silent.trace_id) >= services or None)
    # Each process sends spans in their order: any of the first request would be here with those of the second.
    send(http, traced, loud)
    whole_trace(collector, loud, steps)
    assert collector.trace(silent.trace_id) == []
