"""The command line of this process."""

from __future__ import annotations

import sys

from optimus_ops.system.output_masking import masked


def command() -> str:
    """Return the command line of this process, as a person would type it."""
    return masked("invoke " + " ".join(sys.argv[1:]))
