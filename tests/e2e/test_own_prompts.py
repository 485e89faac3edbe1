"""Prompts of running services: which version answered is in the trace, and a change needs no restart."""

from pathlib import Path

import httpx
from tests.e2e.asking import deliver, notification, state_once, unique
from tests.e2e.collector import CollectedSpan, Collector
from tests.e2e.driven import OwnPlatform, until
from tests.e2e.tracing import QUEUE_STEPS, Context, ask, whole_trace

VERSION = "optimus.prompt.version"
ANSWERED = {
    ("orchestrator-worker", "process optimus:queue:inbound"),
    ("ai-engine", "POST /v1/chat/completions"),
}


def told(spans: list[CollectedSpan]) -> dict[str, str]:
    """Return the versions that services name."""
    return {span.service: str(span.attributes[VERSION]) for span in spans if VERSION in span.attributes}


def version_of_a_message(traced: OwnPlatform, collector: Collector, http: httpx.Client) -> str:
    """Send a message, and return the version that worker and ai-engine name in its trace."""
    context, message_id = Context(), unique("wamid")
    assert deliver(http, traced, notification(message_id, "hello"), **context.headers).status_code == 200
    state_once(http, traced, message_id, "answered", "acme")
    versions = told(whole_trace(collector, context, QUEUE_STEPS))
    assert versions.keys() == {"orchestrator-worker", "ai-engine"}
    (version,) = set(versions.values())
    return version


def prompts_of(platform: OwnPlatform) -> Path:
    return platform.launcher.folder / "prompts"


def change(path: Path) -> None:
    path.write_text(path.read_text("utf-8") + "!\n", "utf-8")


def test_a_changed_prompt_answers_the_next_messages_without_a_restart(
    traced: OwnPlatform, collector: Collector, http: httpx.Client
) -> None:
    before = version_of_a_message(traced, collector, http)
    assert before.startswith("answer-message/pt-BR@")

    change(prompts_of(traced) / "answer-message" / "pt-BR.md")

    def look() -> str | None:
        now = version_of_a_message(traced, collector, http)
        return now if now != before else None

    assert until(look).startswith("answer-message/pt-BR@")


def test_recalled_memories_are_told_by_a_prompt_that_can_change_too(
    traced: OwnPlatform, collector: Collector, http: httpx.Client
) -> None:
    memory = {"text": "the colour of the sea is what the customer asks for"}
    assert http.post(f"{traced.memory}/v1/memories", json=memory, headers=traced.bearer("acme")).status_code == 201

    def version() -> tuple[str, str]:
        context = Context()
        answer = ask(http, traced, "acme", **context.headers, **{"X-Recall": "true"})
        spans = whole_trace(collector, context, {("ai-engine", "POST /v1/chat/completions")})
        return answer.headers["X-Prompt-Version"], told(spans)["ai-engine"]

    before = version()
    assert before[0] == before[1]
    assert before[0].startswith("recalled-memories/en@")

    change(prompts_of(traced) / "recalled-memories" / "en.md")
    until(lambda: now if (now := version()) != before else None)


def test_a_change_that_can_t_be_used_leaves_the_prompts_as_they_were(
    traced: OwnPlatform, collector: Collector, http: httpx.Client
) -> None:
    before = version_of_a_message(traced, collector, http)
    path, log = prompts_of(traced) / "answer-message" / "pt-BR.md", traced.services[-1].log
    good = path.read_text("utf-8")

    def complaint() -> str | None:
        # Files are looked at when they are used.
        assert version_of_a_message(traced, collector, http) == before
        return next((line for line in log.read_text("utf-8").splitlines() if "no variable 'nobody'" in line), None)

    path.write_text("{{nobody}}", "utf-8")
    try:
        assert "what was read before stays" in until(complaint)
    finally:
        path.write_text(good, "utf-8")


def test_a_tenant_that_recalls_is_answered_by_two_prompts(
    traced: OwnPlatform, collector: Collector, http: httpx.Client
) -> None:
    context, headers = Context(), traced.bearer("mindful")
    text = "the shop in Recife is closed on the feast of Saint John"
    assert http.post(f"{traced.memory}/v1/memories", json={"text": text}, headers=headers).status_code == 201

    sent = {"from": unique("ana"), "text": text}
    message = http.post(f"{traced.backend}/v1/messages", json=sent, headers=headers | context.headers).json()
    state_once(http, traced, message["message_id"], "answered", "mindful")

    versions = told(whole_trace(collector, context, {("memory-engine", "POST /v1/memories/search"), *ANSWERED}))
    answering, _, recalled = versions["ai-engine"].partition(", ")
    assert answering == versions["orchestrator-worker"]
    assert recalled.startswith("recalled-memories/en@")
