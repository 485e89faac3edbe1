"""OpenTelemetry's own current context, as instrumentations of other libraries read it."""

from typing import cast

# The key has no public name; it is what every published instrumentation asks before it makes a span.
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, attach, get_current

SILENT = Context({_SUPPRESS_INSTRUMENTATION_KEY: True})
"""In which instrumentations make no spans."""


def enter(context: Context) -> object:
    """Make a context current; return the one before.

    Not by tokens: what ends a generator may run in another task than what began it, where a token can't be used.
    """
    before = get_current()
    attach(context)
    return before


def leave(before: object) -> None:
    """Make the context before current again."""
    attach(cast("Context", before))
