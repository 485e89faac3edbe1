"""Sending spans to a collector: OTLP over HTTP, protobuf (https://opentelemetry.io/docs/specs/otlp/#otlphttp).

The SDK's own exporter is not used: it takes a redirect for success, goes through the environment's proxy, logs a line
for each attempt, and brings an HTTP client of its own along.
"""

import gzip
import ssl
import threading
import time
from collections.abc import Callable, Sequence

from optimus_kit.telemetry.collector_connection import Answer, CollectorConnection, NoHttpError
from optimus_kit.telemetry.encoder import encode_batch, rejected_spans
from optimus_kit.telemetry.settings import Collector

CONTENT_TYPE = "application/x-protobuf"
# OTLP: these may be sent again.
AGAIN = frozenset({429, 502, 503, 504})
FIRST_PAUSE = 0.5


class ExportError(Exception):
    """A batch was not taken. The message says why, without addresses and text of the answer.

    Args:
        message: why.
        again: whether to send it again may help.
        pause: seconds that the collector wants to be left alone for.
    """

    def __init__(self, message: str, *, again: bool = False, pause: float = 0.0) -> None:
        super().__init__(message)
        self.again = again
        self.pause = pause


class OtlpExporter:
    """Sends batches over one connection that is kept open. Used by one thread.

    Args:
        collector: where to.
        resource: whose spans they are, encoded.
        closing: set once nothing is to be tried again.
        complain: told why spans were not taken, and None for a batch that was taken whole.

    Raises:
        SettingsError: a certificate that cannot be used.
    """

    def __init__(
        self,
        collector: Collector,
        resource: bytes,
        closing: threading.Event,
        complain: Callable[[str | None], None],
    ) -> None:
        self._resource = resource
        self._gzip = collector.gzip
        self._closing = closing
        self._complain = complain
        headers = {"Content-Type": CONTENT_TYPE, "User-Agent": "optimus-kit", **dict(collector.headers)}
        self._connection = CollectorConnection(
            collector, headers | ({"Content-Encoding": "gzip"} if collector.gzip else {})
        )

    def send(self, spans: Sequence[bytes], seconds: float) -> int:
        """Send a batch of encoded spans, again where that may help, within `seconds`; return how many were taken."""
        deadline = time.monotonic() + seconds
        body = encode_batch(self._resource, spans)
        try:
            rejected = self._try(gzip.compress(body, 1) if self._gzip else body, deadline)
        except ExportError as error:
            self._complain(str(error))
            return 0
        self._complain(f"the collector rejects {rejected} of {len(spans)} spans" if rejected else None)
        return max(0, len(spans) - rejected)

    def _try(self, body: bytes, deadline: float) -> int:
        pause = FIRST_PAUSE
        while True:
            try:
                return self._post(body, deadline)
            except ExportError as error:
                wait = max(pause, error.pause)
                if not error.again or time.monotonic() + wait >= deadline or self._closing.wait(wait):
                    raise
                pause *= 2

    def _post(self, body: bytes, deadline: float) -> int:
        try:
            return _rejected(self._connection.post(body, deadline))
        except ssl.SSLError as error:
            raise ExportError(f"no TLS with the collector ({_reason(error)})") from None
        except TimeoutError:
            raise ExportError("the collector does not answer in time") from None
        except OSError as error:
            raise ExportError(f"no connection to the collector ({type(error).__name__})", again=True) from None
        except NoHttpError as error:
            raise ExportError(f"the collector's address is no OTLP endpoint: {error}") from None


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    return (error.reason or type(error).__name__).replace("_", " ").lower()


def _rejected(answer: Answer) -> int:
    """Return how many spans the collector did not take; raise unless it has taken the batch."""
    status = answer.status
    if status in AGAIN:
        raise ExportError(f"the collector answers {status}", again=True, pause=_retry_after(answer))
    if 300 <= status < 400:
        raise ExportError(f"the collector's address redirects ({status}); it has to be the final one")
    if not 200 <= status < 300:
        raise ExportError(f"the collector answers {status}")
    if not answer.body:
        return 0
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != CONTENT_TYPE:
        # OTLP: the answer's encoding is the request's. Some collectors answer with JSON all the same.
        if kind == "application/json":
            return 0
        raise ExportError(f"the collector's address is no OTLP endpoint: it answers {status} with something else")
    try:
        return rejected_spans(bytes(answer.body))
    except ValueError:
        raise ExportError("the collector's answer is no OTLP") from None


def _retry_after(answer: Answer) -> float:
    """Return the seconds of Retry-After (RFC 9110, 10.2.3); 0 for a date, which would need both clocks to agree."""
    value = answer.headers.get("retry-after", "").strip()
    return float(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0.0
