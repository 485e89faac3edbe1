"""Prompts that a client names rather than sends."""

from pathlib import Path
from typing import Any

import pytest

PROMPTS = Path(__file__).parents[3] / "config" / "prompts"
PROVIDER = {"PROVIDERS": "fake", "FAKE_MODELS": "big"}
CALL = {"id": "classify-message", "variables": {"company": "Acme"}}


async def test_the_text_of_a_named_prompt_goes_before_all_messages(
    start: Any, fake_server: Any, completion: Any
) -> None:
    fake_server.answers = [completion("{}")]
    environ = PROVIDER | {"FAKE_BASE_URL": fake_server.url, "PROMPTS_DIR": str(PROMPTS)}
    async with start(secrets={"FAKE_API_KEYS": "k1"}, **environ) as replica:
        got = await replica.ask("Where is my order?", model="big", prompt=CALL, headers={"X-Session-Id": "s"})
        again = await replica.ask("And now?", model="big", headers={"X-Session-Id": "s"})

    sent = fake_server.received[0].body
    assert [each["role"] for each in sent["messages"]] == ["system", "user"]
    assert sent["messages"][0]["content"].startswith("You read messages that customers of Acme send")
    assert "prompt" not in sent
    assert got.headers["x-prompt-version"].startswith("classify-message/en@")
    # Instructions are no part of the conversation that is kept.
    assert [each["role"] for each in fake_server.received[1].body["messages"]] == ["user", "assistant", "user"]
    assert "x-prompt-version" not in again.headers


@pytest.mark.parametrize("version", ["a b", "x" * 201, "é"])
async def test_a_version_that_is_none_is_refused(start: Any, version: str) -> None:
    async with start() as replica:
        got = await replica.ask(headers={"X-Prompt-Version": version.encode("latin-1")})

    assert (got.status_code, got.json()["error"]["code"]) == (400, "invalid_prompt_version")


@pytest.mark.parametrize(("locale", "words"), [("pt-BR", "Você resume"), ("es", "Resumes"), (None, "You sum up")])
async def test_a_named_prompt_is_in_the_locale_that_is_asked_for(
    start: Any, fake_server: Any, completion: Any, locale: str | None, words: str
) -> None:
    fake_server.answers = [completion("ok")]
    environ = PROVIDER | {"FAKE_BASE_URL": fake_server.url, "PROMPTS_DIR": str(PROMPTS)}
    call = {"id": "summarize-conversation", "locale": locale, "variables": {"company": "A", "conversation": "</data>"}}
    async with start(secrets={"FAKE_API_KEYS": "k1"}, **environ) as replica:
        await replica.ask("Sum it up.", model="big", prompt=call)

    text = fake_server.received[0].body["messages"][0]["content"]
    assert text.startswith(words)
    assert text.count("</data>") == 2  # that of the rule, and that of the conversation


@pytest.mark.parametrize(
    ("call", "folder", "complaint"),
    [
        (CALL | {"id": "classify"}, PROMPTS, "no prompt 'classify'"),
        (CALL | {"id": "../tenants"}, PROMPTS, "no prompt"),
        (CALL | {"variables": {}}, PROMPTS, "the variable 'company' is missing"),
        (CALL | {"variables": {"company": "A", "colour": "red"}}, PROMPTS, "no variable 'colour'"),
        (CALL | {"variables": {"company": "x" * 81}}, PROMPTS, "more than 80 characters"),
        (CALL | {"variables": {"company": 5}}, PROMPTS, "prompt.variables.company"),
        (CALL | {"locale": "klingon"}, PROMPTS, "prompt.locale"),
        (CALL | {"version": "1"}, PROMPTS, "prompt.version"),
        ("classify-message", PROMPTS, "prompt"),
        (CALL, None, "there are no prompts here"),
    ],
)
async def test_a_prompt_that_can_t_be_rendered_is_the_client_s_mistake(
    start: Any, redis: Any, call: Any, folder: Path | None, complaint: str
) -> None:
    async with start(**({"PROMPTS_DIR": str(folder)} if folder else {})) as replica:
        got = await replica.ask(prompt=call)
        after = await replica.ask()

    error = got.json()["error"]
    assert (got.status_code, after.status_code) == (400, 200)
    assert complaint in f"{error['message']} {error['param']}"
    assert redis.zcard("optimus:slots:acme") == 0
