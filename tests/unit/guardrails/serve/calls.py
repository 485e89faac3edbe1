"""What a process is asked for; the process loads this module, and little else."""

from __future__ import annotations

import os
import time
from pathlib import Path

from optimus_ops.guardrails.serve.judging import Refusal


def refuse(message: str) -> Refusal | str:
    return Refusal(message, "a hint")


def hang(into: str) -> str:
    with Path(into).open("w") as pipe:
        pipe.write(str(os.getpid()))
    while True:
        time.sleep(60)


def die() -> str:
    os._exit(3)


def whoami() -> int | Refusal:
    return os.getpid()
