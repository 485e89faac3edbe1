"""Requests of a load test on the platform, and which answers are right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from loadtests.whatsapp import JSON, notification, signed
from optimus_ops.loadtest.generator.workload import WEBSOCKET, Call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from optimus_ops.loadtest.generator.spec import GeneratorSpec
    from optimus_ops.loadtest.records import FlowKey

DONE = b"data: [DONE]"


class PlatformWorkload:
    """The platform's `Workload`; its keys come with the run's private file."""

    def __init__(self, spec: GeneratorSpec) -> None:
        data = spec.data
        self._model = str(data.get("model", "embedded"))
        self._run = str(data.get("run", "load"))
        self._paths = spec.paths
        self._numbers: Mapping[str, str] = data.get("numbers", {})
        self._headers = {
            tenant: {**JSON, "Authorization": f"Bearer {key}"} for tenant, key in data.get("keys", {}).items()
        }
        self._signing = str(data.get("whatsapp", ""))
        self._socket = {"Authorization": f"Bearer {data.get('dashboard', '')}"}
        self._makers: dict[str, Callable[[str, str], Call]] = {
            "chat": self._chat,
            "stream": self._stream,
            "webhook": self._webhook,
            "search": self._search,
            "dashboard": self._dashboard,
        }

    def call(self, key: FlowKey, number: int) -> Call:
        """Return the request of a number."""
        if path := self._paths.get(key.request_class):
            return Call("GET", path, self._headers.get(key.tenant, {}))
        return self._makers[key.request_class](key.tenant, f"{self._run}-{key.tenant}-{number}")

    def begins(self, call: Call, piece: bytes) -> bool:
        """Tell whether words have come: the first event may hold the role alone."""
        return call.streamed and b'"content":"' in piece

    def wrong(self, call: Call, body: bytes) -> str:
        """Return what is wrong with an answer."""
        if call.streamed and not body.rstrip().endswith(DONE):
            return "stream not complete"
        if call.expected and call.expected not in body:
            return "wrong content"
        return ""

    def _chat(self, tenant: str, text: str) -> Call:
        body = {"model": self._model, "messages": [{"role": "user", "content": text}]}
        content = json.dumps(body).encode()
        return Call("POST", "/v1/chat/completions", self._headers[tenant], content, expected=text.encode())

    def _stream(self, tenant: str, text: str) -> Call:
        body = {"model": self._model, "messages": [{"role": "user", "content": text}], "stream": True}
        content = json.dumps(body).encode()
        headers = self._headers[tenant]
        return Call("POST", "/v1/chat/completions", headers, content, streamed=True, expected=b'"finish_reason":"stop"')

    def _webhook(self, tenant: str, text: str) -> Call:
        body = notification(self._numbers[tenant], f"wamid.{text}", text)
        return Call("POST", "/webhooks/whatsapp", signed(body, self._signing), body)

    def _search(self, tenant: str, text: str) -> Call:
        body = json.dumps({"query": text, "limit": 3}).encode()
        return Call("POST", "/v1/memories/search", self._headers[tenant], body, expected=b'"results":')

    def _dashboard(self, _tenant: str, _text: str) -> Call:
        return Call(WEBSOCKET, "/ws/dashboard", self._socket, expected=b"snapshot")
