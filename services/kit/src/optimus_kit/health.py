"""The probes: /health says whether the service works, /ready whether it wants work."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from optimus_kit.drain import Drain

Check = Callable[[], Awaitable[object]]
CHECK_SECONDS = 2.0
FRESH_SECONDS = 1.0

log = logging.getLogger("optimus.health")


async def run_checks(checks: Mapping[str, Check], seconds: float = CHECK_SECONDS) -> dict[str, str]:
    """Run all checks at once and return "ok" or a short reason for each.

    A check fails by raising; its result is not looked at. The reason is the kind of error only: messages of client
    libraries may hold addresses and passwords, so they go to the log.
    """
    results = await asyncio.gather(*(_run(name, check, seconds) for name, check in checks.items()))
    return dict(zip(checks, results, strict=True))


async def _run(name: str, check: Check, seconds: float) -> str:
    try:
        async with asyncio.timeout(seconds):
            await check()
    except TimeoutError:
        return f"no answer within {seconds:g} s"
    except Exception as error:
        log.warning("check %s failed: %s", name, type(error).__name__, exc_info=log.isEnabledFor(logging.DEBUG))
        return f"failed ({type(error).__name__})"
    return "ok"


async def health(service: str, checks: Mapping[str, Check]) -> tuple[int, dict[str, object]]:
    """Return status and body of /health: 200, or 503 naming what failed."""
    results = await run_checks(checks)
    failed = sorted(name for name, result in results.items() if result != "ok")
    body: dict[str, object] = {"status": "failed" if failed else "ok", "service": service, "checks": results}
    if failed:
        body["failed"] = failed
    return (503 if failed else 200), body


class HealthProbe:
    """What /health answers: the checks run at most once a second, however often and by whomever it is asked.

    Args:
        service: named in the answer.
        checks: as for `run_checks`.
        clock: monotonic, in seconds.
    """

    def __init__(self, service: str, checks: Mapping[str, Check], clock: Callable[[], float] = time.monotonic) -> None:
        self._service = service
        self._checks = checks
        self._clock = clock
        self._asked_at = float("-inf")
        self._answer: asyncio.Task[tuple[int, dict[str, object]]] | None = None

    async def __call__(self) -> tuple[int, dict[str, object]]:
        """Return status and body: those of a moment ago, of the checks that run now, or of new ones."""
        if self._answer is None or (self._answer.done() and self._clock() - self._asked_at >= FRESH_SECONDS):
            self._asked_at = self._clock()
            self._answer = asyncio.create_task(health(self._service, self._checks))
        # Shielded: whoever asked first may go away, and others wait for the same answer.
        return await asyncio.shield(self._answer)


def readiness(drain: Drain) -> tuple[int, dict[str, object]]:
    """Return status and body of /ready: 503 while starting or draining."""
    if drain.draining:
        return 503, {"status": "draining"}
    if not drain.ready:
        return 503, {"status": "starting"}
    return 200, {"status": "ready"}
