"""Where values of a YAML file end, for carets."""

from __future__ import annotations

from optimus_ops.project.yaml_nodes import Node


def end_of(node: Node) -> int:
    """Return the column behind a value on the line where it begins; 0 where it goes on to the line's end."""
    if not node.lines or isinstance(node.value, dict | list):
        return 0
    start = node.place.column - 1
    line = node.lines[0]
    quote = line[start : start + 1]
    if quote in {"'", '"'}:
        closing = line.find(quote, start + 1)
        return closing + 2 if closing > 0 else 0
    shown = node.text()
    return start + len(shown) + 1 if line.startswith(shown, start) else 0
