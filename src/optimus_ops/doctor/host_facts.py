"""Facts about the host, the engine and the checkout."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from optimus_ops.doctor.model import EngineFacts
from optimus_ops.engine.port import Engine
from optimus_ops.engine.start_checks import busy
from optimus_ops.model.stack import PublishedPort, Stack
from optimus_ops.model.state import State
from optimus_ops.project.settings import Project


def read_engine(engine: Engine) -> EngineFacts:
    """Ask the engine about itself and its host."""
    clock = engine.now()
    return EngineFacts(
        version=engine.version,
        folder=engine.root,
        cpus=int(engine.cpus),
        memory=engine.memory,
        clock=(clock - datetime.now(UTC)).total_seconds() if clock else 0.0,
    )


def free_space(folder: str) -> int | None:
    """Return the free bytes of a folder; None if it can't be seen from here."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def available_memory(source: Path = Path("/proc/meminfo")) -> int | None:
    """Return the bytes of memory that new programs could have; None where the kernel doesn't tell."""
    try:
        match = re.search(r"^MemAvailable:\s+(\d+) kB$", source.read_text("utf-8"), re.MULTILINE)
    except OSError:
        return None
    return int(match[1]) * 1024 if match else None


def taken_ports(stack: Stack, state: State) -> Mapping[str, tuple[PublishedPort, ...]]:
    """Return service -> ports that it wants and another program holds; what runs holds its own."""
    idle = [name for name in stack.services if not any(replica.occupied for replica in state.of(name))]
    taken = {name: busy(stack.services[name].published) for name in idle}
    return {name: ports for name, ports in taken.items() if ports}


def clock_behind(root: Path) -> float:
    """Return the seconds by which the clock is behind the newest well-known file of the checkout."""
    files = [path for name in ("pyproject.toml", "tasks.py", "requirements/dev.txt") if (path := root / name).exists()]
    return max((path.stat().st_mtime for path in files), default=0.0) - time.time()


def abandoned_files(project: Project) -> tuple[str, ...]:
    """Return locks whose owner ended without letting go, and half-written secrets."""
    locks = [path for path in sorted((project.state / "locks").glob("*.lock")) if _abandoned(path)]
    halves = sorted(project.root.glob(".env.secrets.*.tmp")) + sorted(project.root.glob("..env.secrets.*.tmp"))
    return tuple(path.name for path in (*locks, *halves))


def _abandoned(lock: Path) -> bool:
    """Tell whether a lock names an owner although nobody holds it: its owner was killed."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return os.fstat(descriptor).st_size > 0
    except OSError:
        return False
    finally:
        os.close(descriptor)


def writable(folder: Path) -> bool:
    """Tell whether files can be made in a folder, or the folder itself where there is none yet."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
