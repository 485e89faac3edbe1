"""Text as it may be shown: what containers, files and callers write must not move cursors, hide lines or tell secrets.

Escape sequences go, and secret values are masked, before a text is laid out in lines and columns.
"""

from __future__ import annotations

import re

from optimus_ops.system.output_masking import masked

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # control sequences
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # strings, such as a window's title
    r"|\x1b[ -/]*[0-~]?"  # the other escapes
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"  # control characters but tab and line feed
    r"|[\u202a-\u202e\u2066-\u2069]"  # what turns the direction of a text, so that it reads as another one
)


def safe_to_show(text: str, *, colour: bool = False) -> str:
    """Return a text without secrets, escapes and control characters; colours stay if `colour`, reset at the end."""
    if not colour:
        return masked(ESCAPES.sub("", text))
    kept = masked(ESCAPES.sub(lambda found: found[0] if COLOUR.fullmatch(found[0]) else "", text))
    return f"{kept}\x1b[0m" if "\x1b[" in kept else kept
