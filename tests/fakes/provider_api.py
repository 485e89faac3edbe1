"""An LLM provider on the loopback: the OpenAI-style API, and the admin API that makes and revokes its keys.

Answers have the form of the real one's (https://platform.openai.com/docs/api-reference). A fault happens to the next
call that it is about; what was done stays done, as at a provider whose reply is lost.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qs, urlsplit

Deed = Literal["lose", "refuse", "break", "break-after", "throttle", "slow", "redirect", "garbage", "drip"]
ADMIN_KEY = "sk-admin-canary-0123456789abcdef"
PROJECT = "proj_test"


@dataclass
class Key:
    """A key: whose it is, and when it was used."""

    value: str
    id: str
    account: str
    name: str
    last_used_at: int | None = None
    unknown_for: int = 0


@dataclass
class ProviderState:
    """What the provider knows.

    Args:
        faults: "METHOD /path" as a pattern, and what happens to the next call that matches.
        accepts_all: it takes any key, as one that lies.
        deaf: deleting is confirmed and not done.
        now: its clock, in seconds since the epoch.
        elsewhere: calls that were redirected: their headers.
        page: items of a page of a list.
        tells_use: it says when a key was last used.
        delay: uses of a key that is minted which are refused, until it is known everywhere.
    """

    accounts: dict[str, str] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=list)
    faults: list[tuple[str, Deed]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    accepts_all: bool = False
    deaf: bool = False
    now: float = field(default_factory=time.time)
    elsewhere: list[dict[str, str]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    base: str = ""
    page: int = 2
    tells_use: bool = True
    delay: int = 0

    def add(self, name: str, *, person: bool = False) -> Key:
        """Make a key of a service account, or of a person."""
        account = "" if person else f"user-{secrets.token_hex(8)}"
        if account:
            self.accounts[account] = name
        key = Key(f"sk-svcacct-{secrets.token_urlsafe(48)}", f"key_{secrets.token_hex(8)}", account, name)
        self.keys.append(key)
        return key

    @property
    def values(self) -> list[str]:
        """Return the valid keys."""
        return [key.value for key in self.keys]


def _redacted(value: str) -> str:
    return f"{value[:8]}...{value[-4:]}"


class Handler(BaseHTTPRequestHandler):
    """Answers one call."""

    state: ClassVar[ProviderState]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_words: object) -> None:
        """Say nothing."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the provider's own time."""
        return formatdate(timestamp or self.state.now, usegmt=True)

    def do_GET(self) -> None:
        """Answer."""
        self._handle()

    def do_POST(self) -> None:
        """Answer."""
        self._handle()

    def do_DELETE(self) -> None:
        """Answer."""
        self._handle()

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        call = f"{self.command} {urlsplit(self.path).path}"
        state = self.state
        with state.lock:
            state.calls.append(call)
            if self.path.startswith("/elsewhere"):
                state.elsewhere.append(dict(self.headers.items()))
                self._send(200, {"object": "list", "data": []})
                return
            deed = next((deed for pattern, deed in state.faults if re.search(pattern, call)), None)
            if deed:
                state.faults.remove(next(fault for fault in state.faults if re.search(fault[0], call)))
        if deed and self._instead(deed):
            return
        with state.lock:
            status, document = self._answer(call, body)
        self._after(deed, status, document)

    def _instead(self, deed: Deed) -> bool:
        """Do something in place of what was asked for."""
        match deed:
            case "refuse":
                self._send(401, _error("Incorrect API key provided", "invalid_request_error", "invalid_api_key"))
            case "break":
                self._send(500, _error("The server had an error", "server_error", None))
            case "throttle":
                error = _error("Rate limit reached", "requests", "rate_limit_exceeded")
                self._send(429, error, {"Retry-After": "3"})
            case "redirect":
                self._send(307, {}, {"Location": f"{self.state.base}/elsewhere"})
            case _:
                return False
        return True

    def _after(self, deed: Deed | None, status: int, document: dict[str, Any]) -> None:
        """Answer, or do it badly."""
        match deed:
            case "lose":
                self.close_connection = True
                self.connection.close()
            case "break-after":
                self._send(502, {})
            case "slow":
                time.sleep(1.0)
                self._send(status, document)
            case "garbage":
                self._write(200, b"<html>gateway</html>", {})
            case "drip":
                self.send_response(200)
                self.send_header("Content-Length", "100000")
                self.end_headers()
                with contextlib.suppress(OSError):
                    for _ in range(40):
                        self.wfile.write(b" ")
                        self.wfile.flush()
                        time.sleep(0.05)
                self.close_connection = True
            case _:
                self._send(status, document)

    def _answer(self, call: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        words = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if call.partition(" ")[2].startswith("/v1/organization/"):
            if words != ADMIN_KEY:
                return 401, _error(f"Incorrect API key provided: {words}", "invalid_request_error", "invalid_api_key")
            return self._administer(call, body)
        key = next((key for key in self.state.keys if key.value == words), None)
        if key is not None and key.unknown_for:
            key.unknown_for -= 1
            key = None
        if key is None and not self.state.accepts_all:
            return 401, _error(f"Incorrect API key provided: {words}", "invalid_request_error", "invalid_api_key")
        if key is not None and self.state.tells_use:
            key.last_used_at = int(self.state.now)
        if call == "GET /v1/models":
            return 200, {"object": "list", "data": [{"id": "gpt-test", "object": "model"}]}
        if call == "POST /v1/chat/completions":
            if body["model"] != "gpt-test":
                return 404, _error("The model does not exist", "invalid_request_error", "model_not_found")
            return 200, {"object": "chat.completion", "choices": [{"message": {"content": "1"}}]}
        return 404, _error("no such path", "invalid_request_error", None)

    def _administer(self, call: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        state = self.state
        method, _, path = call.partition(" ")
        *_before, project, what, name = path.split("/") if method == "DELETE" else f"{path}/".split("/")
        if project != PROJECT:
            return 404, _error("No such project", "invalid_request_error", "project_not_found")
        match method, what:
            case "GET", "service_accounts":
                return 200, self._page([_account(id_, name) for id_, name in state.accounts.items()])
            case "GET", "api_keys":
                return 200, self._page([_key(key, state.accounts) for key in state.keys])
            case "POST", "service_accounts":
                made = state.add(body["name"])
                made.unknown_for = state.delay
                key = {"object": "organization.project.service_account.api_key", "value": made.value, "id": made.id}
                return 200, {**_account(made.account, made.name), "api_key": {**key, "name": "Secret Key"}}
            case "DELETE", "service_accounts" if name in state.accounts:
                if not state.deaf:
                    del state.accounts[name]
                    state.keys = [key for key in state.keys if key.account != name]
                return 200, {"object": "organization.project.service_account.deleted", "id": name, "deleted": True}
            case "DELETE", "api_keys" if any(key.id == name for key in state.keys):
                if not state.deaf:
                    state.keys = [key for key in state.keys if key.id != name]
                return 200, {"object": "organization.project.api_key.deleted", "id": name, "deleted": True}
        return 404, _error("No such object", "invalid_request_error", None)

    def _page(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        after = parse_qs(urlsplit(self.path).query).get("after", [""])[0]
        start = next((number + 1 for number, item in enumerate(items) if item["id"] == after), 0)
        end = start + self.state.page
        return {"object": "list", "data": items[start:end], "has_more": end < len(items)}

    def _send(self, status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._write(status, json.dumps(document).encode(), headers or {})

    def _write(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        with contextlib.suppress(OSError):
            self.send_response(status)
            for name, value in {**headers, "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)


def _error(message: str, kind: str, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _account(id_: str, name: str) -> dict[str, Any]:
    return {"object": "organization.project.service_account", "id": id_, "name": name, "role": "member"}


def _key(key: Key, accounts: dict[str, str]) -> dict[str, Any]:
    owner = (
        {"type": "service_account", "service_account": _account(key.account, accounts[key.account])}
        if key.account
        else {"type": "user", "user": {"id": "user_abc", "name": "A Person"}}
    )
    return {
        "object": "organization.project.api_key",
        "id": key.id,
        "name": key.name,
        "redacted_value": _redacted(key.value),
        "last_used_at": key.last_used_at,
        "owner": owner,
    }


@contextlib.contextmanager
def provider_api() -> Iterator[ProviderState]:
    """Run a provider until the block ends; `base` is its address."""
    state = ProviderState()
    handler = type("BoundHandler", (Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    state.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
