"""Traced requests of a client, and their traces as a collector gets them."""

import secrets

import httpx
from tests.e2e.collector import CollectedSpan, Collector
from tests.e2e.driven import OwnPlatform, until

QUEUE_STEPS = {
    ("backend-orchestrator", "POST /webhooks/whatsapp"),
    ("backend-orchestrator", "publish optimus:queue:inbound"),
    ("orchestrator-worker", "process optimus:queue:inbound"),
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
