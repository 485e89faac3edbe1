"""Calls to the outside: ai-engine, WhatsApp, the ERP system."""

import json
from dataclasses import replace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.http_answers import AnsweredBy, Serve

from backend_orchestrator.answering import AiEngine
from backend_orchestrator.channels import WHATSAPP_MAX_TEXT, WhatsAppChannel, shortened
from backend_orchestrator.erp import ErpUnavailableError, Record, RestErpAdapter, order_ids
from backend_orchestrator.messages import InboundMessage
from backend_orchestrator.retry import AttemptError, PermanentError, ThrottledError, TransientError
from optimus_kit.http_client import ConnectError, HttpClient, PoolTimeout

MESSAGE = InboundMessage("acme", "wamid.1", "whatsapp", "5511", "hello", "100000000000001", "request-1")


def client(serve: Serve) -> HttpClient:
    return HttpClient("http://outside/v1", transport=AnsweredBy(serve))


def fixed(status: int, body: object = None, headers: dict[str, str] | None = None) -> Serve:
    return lambda _: httpx.Response(status, json=body, headers=headers)


def unreachable(_: httpx.Request) -> httpx.Response:
    raise ConnectError("http://secret-host")


def completion(content: object) -> dict[str, object]:
    return {"choices": [{"message": {"role": "assistant", "content": content}}]}


def ai_engine(serve: Serve, key: str | None = "acme-key") -> AiEngine:
    return AiEngine(client(serve), "embedded", lambda tenant: key if tenant == "acme" else None)


async def test_ai_engine_is_asked_in_the_tenants_name_and_conversation() -> None:
    seen: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=completion("hi"))

    assert await ai_engine(serve).answer(MESSAGE, "facts") == "hi"
    (request,) = seen
    assert request.headers["Authorization"] == "Bearer acme-key"
    assert request.headers["X-Session-Id"] == "whatsapp-5511"
    assert request.headers["X-Request-Id"] == "request-1"
    assert json.loads(request.content) == {
        "model": "embedded",
        "messages": [{"role": "system", "content": "facts"}, {"role": "user", "content": "hello"}],
    }


@pytest.mark.parametrize(
    ("serve", "kind"),
    [
        (fixed(500), TransientError),
        (fixed(503), TransientError),
        (fixed(401), TransientError),
        (fixed(400), PermanentError),
        (fixed(404), PermanentError),
        (fixed(200, {"choices": []}), TransientError),
        (fixed(200, completion("")), PermanentError),
        (fixed(200, completion(None)), PermanentError),
        (unreachable, TransientError),
    ],
)
async def test_how_ai_engine_fails_says_whether_to_try_again(serve: Serve, kind: type[AttemptError]) -> None:
    with pytest.raises(kind) as failure:
        await ai_engine(serve).answer(MESSAGE, "")
    assert "secret-host" not in str(failure.value)


async def test_ai_engines_patience_is_passed_on() -> None:
    with pytest.raises(ThrottledError) as failure:
        await ai_engine(fixed(429, headers={"Retry-After": "9"})).answer(MESSAGE, "")
    assert failure.value.retry_after == 9


async def test_full_for_now_uses_up_no_attempt() -> None:
    def no_connection(_: httpx.Request) -> httpx.Response:
        raise PoolTimeout("")

    for serve in (fixed(503, headers={"Retry-After": "1"}), no_connection):
        with pytest.raises(ThrottledError) as failure:
            await ai_engine(serve).answer(MESSAGE, "")
        assert failure.value.retry_after == 1


async def test_the_text_parts_of_an_answer_are_its_text() -> None:
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert await ai_engine(fixed(200, completion(parts))).answer(MESSAGE, "") == "ab"


async def test_a_tenant_without_a_key_is_not_answered_for_now() -> None:
    with pytest.raises(TransientError):
        await ai_engine(fixed(200, completion("hi")), key=None).answer(MESSAGE, "")


async def test_whatsapp_is_sent_the_answer_with_what_it_answers() -> None:
    seen: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    await WhatsAppChannel(client(serve), lambda: "token").send(MESSAGE, "hi")
    (request,) = seen
    body = json.loads(request.content)
    assert request.url == "http://outside/v1/100000000000001/messages"
    assert request.headers["Authorization"] == "Bearer token"
    assert (body["to"], body["text"], body["context"]) == ("5511", {"body": "hi"}, {"message_id": "wamid.1"})


@pytest.mark.parametrize(
    ("serve", "kind"),
    [
        (fixed(429), ThrottledError),
        (fixed(500), TransientError),
        (fixed(400), PermanentError),
        (unreachable, TransientError),
    ],
)
async def test_how_whatsapp_fails_says_whether_to_try_again(serve: Serve, kind: type[AttemptError]) -> None:
    with pytest.raises(kind):
        await WhatsAppChannel(client(serve), lambda: "token").send(MESSAGE, "hi")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 4, ThrottledError),
        (400, 80007, ThrottledError),
        (400, 130429, ThrottledError),
        (400, 131048, ThrottledError),
        (400, "131056", ThrottledError),
        (400, 1, TransientError),
        (401, 190, TransientError),
        (403, 10, TransientError),
        (403, 200, TransientError),
        (400, 131016, TransientError),
        (400, 131057, TransientError),
        (500, 100, PermanentError),
        (500, 131008, PermanentError),
        (500, 131026, PermanentError),
        (429, 131047, PermanentError),
        (403, 368, PermanentError),
        (403, 131031, PermanentError),
        (200, 131047, PermanentError),
        (400, 999999, PermanentError),
        (500, 999999, TransientError),
        (429, 999999, ThrottledError),
        (500, None, TransientError),
    ],
)
async def test_whatsapps_code_says_whether_to_try_again(status: int, code: object, kind: type[AttemptError]) -> None:
    body = {"error": {"message": "(#0) secret", "type": "OAuthException", "code": code, "error_subcode": 2494010}}
    with pytest.raises(kind) as failure:
        await WhatsAppChannel(client(fixed(status, body)), lambda: "token").send(MESSAGE, "hi")
    assert "secret" not in str(failure.value)


async def test_whatsapp_is_given_the_time_it_asks_for() -> None:
    for code, header, seconds in ((131056, None, 6), (130429, "40", 40), (131056, "1", 6)):
        serve = fixed(400, {"error": {"code": code}}, {"Retry-After": header} if header else None)
        with pytest.raises(ThrottledError) as failure:
            await WhatsAppChannel(client(serve), lambda: "token").send(MESSAGE, "hi")
        assert failure.value.retry_after == seconds


@pytest.mark.parametrize("body", [[], {"error": "x"}, {"error": {"code": True}}, {"error": {"code": "9" * 5000}}, None])
async def test_an_error_without_a_usable_code_is_judged_by_its_status(body: object) -> None:
    with pytest.raises(PermanentError):
        await WhatsAppChannel(client(fixed(400, body)), lambda: "token").send(MESSAGE, "hi")


async def test_somebody_without_a_number_is_answered_by_user_id() -> None:
    seen: list[dict[str, object]] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content))
        return httpx.Response(200, json={})

    await WhatsAppChannel(client(serve), lambda: "token").send(replace(MESSAGE, sender="BR.1502576394655843"), "hi")
    assert seen[0]["recipient"] == "BR.1502576394655843"
    assert "to" not in seen[0]


async def test_an_answer_that_no_encoding_holds_is_made_one_that_does() -> None:
    def serve(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=json.dumps(completion("hi \ud800")).encode())

    assert await ai_engine(serve).answer(MESSAGE, "") == "hi \ufffd"


@given(st.text(max_size=50), st.integers(1, 50))
def test_a_text_is_cut_only_where_it_must(text: str, limit: int) -> None:
    cut = shortened(text, limit)
    assert len(cut) <= limit <= WHATSAPP_MAX_TEXT
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))


async def test_each_request_outside_carries_the_secret_as_it_is_then() -> None:
    seen: list[str | None] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Authorization"))
        return httpx.Response(200, json={})

    tokens: list[str | None] = ["old", "new"]
    channel = WhatsAppChannel(client(serve), lambda: tokens[0])
    erp = RestErpAdapter(client(serve), lambda: tokens[0])
    for _ in range(2):
        await channel.send(MESSAGE, "hi")
        await erp.find_order("acme", "1")
        tokens.pop(0)
    tokens.append(None)
    await erp.find_order("acme", "1")
    assert not channel.ready
    with pytest.raises(TransientError):
        await channel.send(MESSAGE, "hi")
    assert seen == ["Bearer old", "Bearer old", "Bearer new", "Bearer new", None]


async def test_an_order_is_found_with_its_plain_fields() -> None:
    seen: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"status": "on\nits way", "total": 9.5, "lines": [{"sku": 1}]})

    order = await RestErpAdapter(client(serve), lambda: "key").find_order("acme", "1/../2")
    assert order == Record("1/../2", {"status": "on its way", "total": "9.5"})
    assert str(seen[0].url) == "http://outside/v1/tenants/acme/orders/1%2F..%2F2"
    assert seen[0].headers["Authorization"] == "Bearer key"


async def test_what_the_erp_does_not_know_is_none() -> None:
    assert await RestErpAdapter(client(fixed(404)), lambda: None).find_customer("acme", "5511") is None


@pytest.mark.parametrize("serve", [fixed(500), fixed(200, [1]), lambda _: httpx.Response(200, text="{"), unreachable])
async def test_an_erp_without_a_usable_answer_is_unavailable(serve: Serve) -> None:
    with pytest.raises(ErpUnavailableError):
        await RestErpAdapter(client(serve), lambda: None).find_order("acme", "1")


@given(st.text())
def test_few_orders_are_looked_up_for_any_text(text: str) -> None:
    assert len(order_ids(text)) <= 3


def test_orders_are_named_with_a_hash_sign_each_once() -> None:
    assert order_ids("#12345 and #678, #12345 again; not 999, #12 or #12345678901234") == ("12345", "678")
