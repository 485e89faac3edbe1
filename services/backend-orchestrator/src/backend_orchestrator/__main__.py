"""`python -m backend_orchestrator [serve | worker | worker-health]`."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

USAGE = "usage: python -m backend_orchestrator [serve | worker | worker-health]"


def main(arguments: list[str]) -> int:
    """Run what `arguments` name; the exit code. Imports are inside: the health check must start at once."""
    match arguments:
        case [] | ["serve"]:
            return _guarded(_serve)
        case ["worker"]:
            return _guarded(_worker)
        case ["worker-health"]:
            from backend_orchestrator.worker_health import check  # noqa: PLC0415

            return check(Path(os.environ.get("WORKER_ALIVE_FILE") or "/tmp/worker.alive"))  # noqa: S108
        case _:
            print(USAGE, file=sys.stderr)
            return 2


def _serve() -> None:
    from optimus_kit.sdk_import import without_sdk  # noqa: PLC0415
    from optimus_kit.server import serve  # noqa: PLC0415

    with without_sdk():
        from backend_orchestrator.settings import OrchestratorSettings  # noqa: PLC0415
    serve("backend_orchestrator.app:build_app", OrchestratorSettings.from_env(os.environ).service)


def _worker() -> None:
    from optimus_kit.sdk_import import without_sdk  # noqa: PLC0415

    with without_sdk():
        from backend_orchestrator.worker_main import run_worker  # noqa: PLC0415
    run_worker()


def _guarded(run: Callable[[], None]) -> int:
    """Run it; a configuration that cannot be used is one message and exit code 3."""
    from optimus_kit.secrets import MissingSecret  # noqa: PLC0415
    from optimus_kit.settings import SettingsError  # noqa: PLC0415

    try:
        run()
    except (SettingsError, MissingSecret) as error:
        print(f"backend-orchestrator: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
