"""`.env` files and `${VARIABLE}` in texts, as Compose reads them, for what has to be known before Compose is asked.

Grammar: https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

ASSIGNMENT = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)\s*[=:](?P<value>.*)")
VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|(?P<plain>[A-Za-z_][A-Za-z0-9_]*)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*))")
OPERATORS = (":-", "-", ":+", "+", ":?", "?")


def read_dotenv(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a `.env` file; none if it can't be read. Lines that are no assignment are left out.

    `${VARIABLE}` in a value stands for that of `environ`, else of an earlier line.
    """
    try:
        text = path.read_text("utf-8-sig", errors="replace")
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in text.splitlines():
        if match := ASSIGNMENT.fullmatch(line):
            found[match["name"]] = _value(match["value"].strip(), {**found, **environ})
    return found


def _value(text: str, variables: Mapping[str, str]) -> str:
    quote = text[:1]
    if quote in {"'", '"'} and quote in text[1:]:
        inner = text[1 : text.index(quote, 1)]
        return inner if quote == "'" else interpolate(inner, variables)
    return interpolate(re.split(r"(?:^|\s)#", text, maxsplit=1)[0].rstrip(), variables)


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Fill in `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME+other}`, whose defaults may hold variables themselves.

    A variable that is not set is empty.
    """
    result, position = [], 0
    while match := VARIABLE.search(text, position):
        result.append(text[position : match.start()])
        position = match.end()
        if match["escaped"]:
            result.append("$")
        elif match["plain"]:
            result.append(variables.get(match["plain"], ""))
        else:
            end = _closing(text, position)
            result.append(_braced(match["name"], text[position:end], variables))
            position = end + 1
    return "".join([*result, text[position:]])


def _closing(text: str, start: int) -> int:
    """Return where the brace closes that is open at `start`; the end of the text if it doesn't."""
    depth = 1
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return len(text)


def _braced(name: str, rest: str, variables: Mapping[str, str]) -> str:
    operator = next((operator for operator in OPERATORS if rest.startswith(operator)), "")
    value, other = variables.get(name), rest[len(operator) :]
    is_set = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("+"):
        return interpolate(other, variables) if is_set else ""
    return (value or "") if is_set or not operator.endswith("-") else interpolate(other, variables)
