"""How large a span may become."""

from optimus_kit.tracing import Value

MAX_ATTRIBUTES = 64
MAX_CHARACTERS = 1024
MAX_ELEMENTS = 32


def bounded(value: Value, characters: int = MAX_CHARACTERS) -> Value:
    """Return the value, cut where it is long."""
    if isinstance(value, str):
        return value if len(value) <= characters else value[:characters]
    if isinstance(value, (bool, int, float)):
        return value
    return [entry[:characters] for entry in value[:MAX_ELEMENTS]]
