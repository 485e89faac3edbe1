"""Logs of a service process."""

import logging
import sys

from optimus_kit.settings import ServiceSettings


def configure_logging(settings: ServiceSettings) -> None:
    """Send logs to standard error, one line per record."""
    logging.basicConfig(
        level=settings.log_level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        force=True,
    )
    for noisy in ("httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
