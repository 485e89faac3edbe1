"""`invoke secrets.diff`: which keys two files of secrets have in common, without any value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from optimus_ops.secrets.value import Secret
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.units import counted


@dataclass(frozen=True, slots=True)
class Difference:
    """Names of keys; a key that is empty in a file counts as not there."""

    only_in_a: tuple[str, ...]
    only_in_b: tuple[str, ...]
    different: tuple[str, ...]
    same: tuple[str, ...]


def compare(a: Mapping[str, Secret], b: Mapping[str, Secret]) -> Difference:
    """Compare the values of two files."""
    keys = dict.fromkeys(key for values in (a, b) for key, value in values.items() if value)
    both = [key for key in keys if a.get(key) and b.get(key)]
    return Difference(
        only_in_a=tuple(key for key in keys if not b.get(key)),
        only_in_b=tuple(key for key in keys if not a.get(key)),
        different=tuple(key for key in both if a[key] != b[key]),
        same=tuple(key for key in both if a[key] == b[key]),
    )


def show(found: Difference, a: str, b: str, *, json: bool) -> None:
    """Print a difference: a line for each key that differs, or one JSON document."""
    if json:
        print_json({"a": a, "b": b, **asdict(found)})
        return
    console = Console.standard()
    for line in difference_lines(found, a, b, console):
        console.say(line)


def difference_lines(found: Difference, a: str, b: str, console: Console) -> Iterator[str]:
    """Give a line for each key that differs, and one for those that don't."""
    for sign, colour, text, keys in (
        ("-", "31", f"only in {a}", found.only_in_a),
        ("+", "32", f"only in {b}", found.only_in_b),
        ("~", "33", "different", found.different),
    ):
        for key in keys:
            yield f"{console.paint(sign, colour)} {key} ({text})"
    yield f"{counted(len(found.same), 'secret')} the same in {a} and {b}"
