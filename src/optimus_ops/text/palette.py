"""Colours that tell things apart, and mark what is wrong."""

from __future__ import annotations

PALETTE = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
"""SGR colours that are readable on dark and on light ground; red is left for what is wrong."""
RED, YELLOW = "31", "33"
PLAIN, BOLD, DIM = "0", "1", "2"
