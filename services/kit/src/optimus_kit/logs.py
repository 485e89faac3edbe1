"""Logs of a service process: one JSON object per record on standard error, with the trace that it belongs to."""

import json
import logging
import sys
from datetime import UTC, datetime

from optimus_kit.settings import ServiceSettings
from optimus_kit.tracing import trace_ids


class JsonLines(logging.Formatter):
    """Makes one line of a record; what an exception told is part of it.

    Args:
        service: named in each line.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        trace_id, span_id = trace_ids()
        line: dict[str, str | None] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace_id:
            line |= {"trace_id": trace_id, "span_id": span_id}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace").decode()


def configure_logging(settings: ServiceSettings) -> None:
    """Send logs to standard error, one line per record."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(settings.service))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for noisy in ("aiohttp",):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
