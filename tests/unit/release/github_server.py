"""GitHub's API for releases and tags, on the loopback, as far as tasks use it."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class GitHub:
    """A repository o/r: its releases and tags; `refused` maps a method and the end of a path to a status."""

    releases: list[dict[str, Any]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    refused: dict[tuple[str, str], int] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    url: str = ""

    def writes(self) -> list[tuple[str, str]]:
        return [call for call in self.calls if call[0] != "GET"]

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        address = urlsplit(target)
        path = address.path.removeprefix("/repos/o/r")
        self.calls.append((method, path))
        status = next((code for (verb, end), code in self.refused.items() if verb == method and path.endswith(end)), 0)
        if status:
            return status, {}
        for pattern, act in (
            (r"GET /releases", self._releases),
            (r"POST /releases", self._draft),
            (r"PATCH /releases/(\d+)", self._change),
            (r"DELETE /releases/(\d+)", self._remove),
            (r"DELETE /releases/assets/(\d+)", self._remove_asset),
            (r"POST /upload/(\d+)", self._upload),
            (r"GET /git/ref/tags/(.+)", self._tag),
            (r"GET /git/matching-refs/tags/v", self._matching),
            (r"GET /commits/(.+)", self._commit),
            (r"POST /git/refs", self._make_tag),
            (r"PATCH /git/refs/tags/(.+)", self._move_tag),
        ):
            if match := re.fullmatch(pattern, f"{method} {path}"):
                return act(body, parse_qs(address.query), *match.groups())
        return 404, {}

    def _releases(self, _body: bytes, query: dict[str, list[str]]) -> tuple[int, Any]:
        page = int(query["page"][0])
        return 200, self.releases[(page - 1) * 100 : page * 100]

    def _draft(self, body: bytes, _query: object) -> tuple[int, Any]:
        number = len(self.releases) + 1
        made = {"id": number, "assets": [], "html_url": f"https://x/{number}", **json.loads(body)}
        made["upload_url"] = f"{self.url}/repos/o/r/upload/{number}{{?name,label}}"
        self.releases.append(made)
        return 201, made

    def _of(self, number: str) -> dict[str, Any]:
        return next(release for release in self.releases if release["id"] == int(number))

    def _change(self, body: bytes, _query: object, number: str) -> tuple[int, Any]:
        self._of(number).update(json.loads(body))
        return 200, self._of(number)

    def _remove(self, _body: bytes, _query: object, number: str) -> tuple[int, Any]:
        self.releases.remove(self._of(number))
        return 204, None

    def _remove_asset(self, _body: bytes, _query: object, number: str) -> tuple[int, Any]:
        for release in self.releases:
            release["assets"] = [asset for asset in release["assets"] if asset["id"] != int(number)]
        return 204, None

    def _upload(self, body: bytes, query: dict[str, list[str]], number: str) -> tuple[int, Any]:
        assets = self._of(number)["assets"]
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        assets.append({"id": 100 + len(assets), "name": query["name"][0], "size": len(body), "digest": digest})
        return 201, assets[-1]

    def _tag(self, _body: bytes, _query: object, tag: str) -> tuple[int, Any]:
        return (200, {"ref": f"refs/tags/{tag}"}) if tag in self.tags else (404, {})

    def _matching(self, _body: bytes, _query: object) -> tuple[int, Any]:
        return 200, [{"ref": f"refs/tags/{tag}"} for tag in self.tags]

    def _commit(self, _body: bytes, _query: object, tag: str) -> tuple[int, Any]:
        return 200, {"sha": self.tags[tag]}

    def _make_tag(self, body: bytes, _query: object) -> tuple[int, Any]:
        made = json.loads(body)
        self.tags[made["ref"].removeprefix("refs/tags/")] = made["sha"]
        return 201, made

    def _move_tag(self, body: bytes, _query: object, tag: str) -> tuple[int, Any]:
        self.tags[tag] = json.loads(body)["sha"]
        return 200, {}


@contextmanager
def serving(state: GitHub) -> Iterator[GitHub]:
    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            state.tokens.add(self.headers["Authorization"] or "")
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            status, document = state.answer(self.command, self.path, body)
            data = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
