"""Calls of an HTTP API that answers JSON: one host, no redirects, a deadline, and the key in a header alone."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import urlsplit

from optimus_ops.errors import Refused
from optimus_ops.rotation.rotator import TargetFailed
from optimus_ops.secrets.value import Secret
from optimus_ops.system.wait import SYSTEM_CLOCK, Clock

SECONDS = 15.0
TRIES = 3
LONGEST_WAIT = 20.0
"""Longer than that is not waited for, whatever `Retry-After` says."""
MOST_BYTES = 4 * 1024**2
CHUNK_BYTES = 64 * 1024
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
TOO_MANY, SERVER_ERROR = 429, 500


class Unanswered(TargetFailed):
    """There was no answer: no connection, no valid certificate, or not in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer.

    Args:
        document: its JSON object; None where it is something else.
        code: what the API calls the error; "" where it says nothing that looks like a word.
        retry_after: seconds, None where it says none.
        at: its `Date`, in seconds since the epoch.
    """

    status: int
    document: Mapping[str, Any] | None
    code: str = ""
    retry_after: float | None = None
    at: float | None = None

    @property
    def temporary(self) -> bool:
        """Whether the same call may get another answer soon."""
        return self.status == TOO_MANY or self.status >= SERVER_ERROR

    def __str__(self) -> str:
        return f"{self.status} {self.code}".rstrip()


@dataclass(frozen=True)
class JsonApi:
    """An API below one address, as one key sees it.

    Raises:
        Refused: the address is neither https nor of this machine.
    """

    base: str
    key: Secret = field(repr=False)
    clock: Clock = SYSTEM_CLOCK
    seconds: float = SECONDS

    def __post_init__(self) -> None:
        """Check the address."""
        if not is_safe(self.base):
            raise Refused(f"{self.base}: keys are sent over https only", "correct it in .env.models")

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, patient: bool = True) -> Answer:
        """Call a path; what is answered 429 is called again, and where `patient` also what fails in another way.

        Raises:
            Unanswered: there is no answer.
        """
        for left in reversed(range(TRIES)):
            try:
                answer = self._once(method, path, body)
            except Unanswered:
                if not patient or not left:
                    raise
                answer = Answer(SERVER_ERROR, None)
            if not left or not (answer.temporary if patient else answer.status == TOO_MANY):
                break
            wait = float(TRIES - left) if answer.retry_after is None else answer.retry_after
            if wait > LONGEST_WAIT:
                break
            self.clock.sleep(wait)
        return answer

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> Answer:
        key = self.key.reveal()
        if not (key and key.isascii() and key.isprintable()):
            # Python would quote it in its own refusal.
            raise Unanswered("the key has a character that no header holds")
        request = urllib.request.Request(f"{self.base}{path}", method=method)  # noqa: S310 - checked above
        request.add_header("Authorization", f"Bearer {key}")
        request.add_header("Accept", "application/json")
        data = None
        if body is not None:
            request.add_header("Content-Type", "application/json")
            data = json.dumps(body).encode()
        host = urlsplit(self.base).hostname
        try:
            with OPENER.open(request, data, timeout=self.seconds) as found:
                return _answer(found.status, found.headers, _read(found, self.seconds))
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.headers, _read(error, self.seconds))
        except (OSError, HTTPException, ValueError) as error:
            # Not the error's own words: of what can't be sent they quote it.
            reason = getattr(error, "reason", error)
            raise Unanswered(f"{host} doesn't answer ({type(reason).__name__})") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would take the key to another host."""

    def redirect_request(
        self, _req: urllib.request.Request, _fp: IO[bytes], _code: int, _msg: str, _headers: Message, _newurl: str
    ) -> None:
        return None


OPENER = urllib.request.build_opener(_NoRedirect)


def is_safe(base: str) -> bool:
    """Tell whether a key may be sent to an address."""
    try:
        parts = urlsplit(base)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


def _read(source: IO[bytes], seconds: float) -> bytes:
    """Read an answer, all of it within a time: one that comes byte by byte never ends otherwise."""
    until = time.monotonic() + seconds
    parts: list[bytes] = []
    try:
        while part := source.read1(CHUNK_BYTES):  # type: ignore[attr-defined]  # both are buffered
            parts.append(part)
            if time.monotonic() > until or sum(map(len, parts)) > MOST_BYTES:
                raise TimeoutError
    finally:
        source.close()
    return b"".join(parts)


def _answer(status: int, headers: Message, content: bytes) -> Answer:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    document = document if isinstance(document, dict) else None
    return Answer(status, document, _code(document), _seconds(headers.get("Retry-After")), _date(headers.get("Date")))


def _code(document: Mapping[str, Any] | None) -> str:
    error = (document or {}).get("error")
    words = [error.get(name) for name in ("code", "type")] if isinstance(error, dict) else []
    # A message may quote the key; a code is a word.
    return next((word for word in words if isinstance(word, str) and word.isidentifier() and len(word) < 64), "")


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None


def _date(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except ValueError:
        return None
