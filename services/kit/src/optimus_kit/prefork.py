"""Several worker processes behind one listening socket, and a parent that only starts, forwards and waits."""

import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

# Read by prometheus_client when it is first imported: the folder through which processes share their metrics.
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
NEVER_STARTED = 3
RESTART_SECONDS = 1.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger("optimus.prefork")


class Workers:
    """The parent's view of its workers. Each SIGTERM or SIGINT is forwarded once to each of them."""

    def __init__(self, work: Callable[[], int]) -> None:
        self._work = work
        self._pids: set[int] = set()
        self._stopping = False
        self._code = 0

    def start(self) -> None:
        """Fork one worker."""
        # A signal between fork and the worker's own handler would run the parent's handler in the worker.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        pid = os.fork()
        if pid == 0:
            self._run_worker()
        self._pids.add(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        if self._stopping:
            _signal(pid, signal.SIGTERM)

    def _run_worker(self) -> None:
        code = 1
        try:
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            code = self._work()
        except Exception:
            log.exception("worker %d failed", os.getpid())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def forward(self, number: int, _frame: FrameType | None) -> None:
        """Pass a signal on."""
        self._stopping = True
        for pid in tuple(self._pids):
            _signal(pid, number)

    def wait(self) -> int:
        """Wait for all workers, replacing those that die unasked; return the exit code for the parent."""
        while self._pids:
            pid, status = os.wait()
            if pid not in self._pids:
                continue
            self._pids.discard(pid)
            _forget_metrics(pid)
            self._ended(pid, os.waitstatus_to_exitcode(status))
        return self._code

    def _ended(self, pid: int, code: int) -> None:
        if self._stopping:
            # Ended by the forwarded signal itself: it was still starting and had nothing to drain.
            unstarted = code in {-number for number in SIGNALS}
            self._code = self._code or (0 if unstarted else abs(code))
        elif code == NEVER_STARTED:
            self._code = code
            self.forward(signal.SIGTERM, None)
        else:
            log.error("worker %d ended with %d, starting another", pid, code)
            time.sleep(RESTART_SECONDS)
            self.start()


def _forget_metrics(pid: int) -> None:
    """Take a dead worker's gauges away, as prometheus_client.multiprocess.mark_process_dead does."""
    for path in Path(os.environ.get(MULTIPROCESS, "/nonexistent")).glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        log.debug("worker %d has already ended", pid)


def prefork(count: int, work: Callable[[], int]) -> int:
    """Run `work` in `count` processes until they are told to stop; return the exit code."""
    workers = Workers(work)
    for number in SIGNALS:
        signal.signal(number, workers.forward)
    for _ in range(count):
        workers.start()
    return workers.wait()


@contextmanager
def shared_metrics() -> Iterator[None]:
    """Set PROMETHEUS_MULTIPROC_DIR to a temporary folder, so that /metrics of any worker speaks for all.

    To be entered before prometheus_client is first imported.
    """
    folder = tempfile.mkdtemp(prefix="optimus-metrics-")
    os.environ.setdefault(MULTIPROCESS, folder)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
