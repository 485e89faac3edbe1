"""Templates: text with `{{name}}` for a variable and `{{#name}} … {{/name}}` for what stands only where it has a value.

What comes from outside can't pass for instructions unnoticed: a `data` variable stands between marks that its own text
can't have, a `text` variable is one line without control characters, and nothing that is put in is read as template.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping

from optimus_kit.prompts.marks import without_marks
from optimus_kit.prompts.model import PromptError, Section, Slot, Variable

TAG = re.compile(r"\{\{([#/]?)([a-z][a-z0-9_]{0,62})\}\}")
STRAY = re.compile(r"\{\{|\}\}")
INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs"})
"""Categories of characters that people don't see: control, format, private use, halves of pairs."""
KEPT = frozenset("\n\t\u200d\ufe0f")
"""Of these in data: joiners and selectors make emoji."""


def parse_template(text: str, variables: Mapping[str, Variable], source: str) -> Section:
    """Parse a template.

    Raises:
        PromptError: a tag names no variable, sections are not closed in order, `data` is not on a line of its own,
            an optional variable stands outside of its section, or a variable is never used.
    """
    used: set[str] = set()
    tokens = _tokens(text, source)
    found = _section("", tokens, variables, source, used)
    unused = sorted(variables.keys() - used)
    if unused:
        raise PromptError(f"{source}: the variable {unused[0]!r} is not used")
    return found


def render(section: Section, values: Mapping[str, str], variables: Mapping[str, Variable]) -> str:
    """Return the text. Lines that are empty because a section is left out are left out as well."""
    text = "".join(_rendered(section, values, variables))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def checked(variables: Mapping[str, Variable], given: Mapping[str, str]) -> Mapping[str, str]:
    """Return the values of all variables, made fit to be put in.

    Raises:
        PromptError: one is missing, unknown, too long, or not of its type.
    """
    unknown = sorted(given.keys() - variables.keys())
    if unknown:
        raise PromptError(f"no variable {unknown[0]!r}: there are {', '.join(sorted(variables)) or 'none'}")
    return {name: _value(variable, given.get(name, "")) for name, variable in variables.items()}


def _value(variable: Variable, given: str) -> str:
    value = _visible(given, keep_lines=variable.type == "data").strip()
    if not value:
        if variable.optional:
            return ""
        raise PromptError(f"the variable {variable.name!r} is missing")
    if len(value) > variable.most:
        raise PromptError(f"the variable {variable.name!r} has more than {variable.most:,} characters")
    if variable.type == "integer" and not re.fullmatch(r"-?[0-9]+", value, re.ASCII):
        raise PromptError(f"the variable {variable.name!r} is no whole number")
    if variable.type == "choice" and value not in variable.choices:
        raise PromptError(f"the variable {variable.name!r} is none of {', '.join(variable.choices)}")
    return value


def _visible(text: str, *, keep_lines: bool) -> str:
    lines = text.splitlines() if keep_lines else [" ".join(text.split())]
    return "\n".join(line if line.isprintable() else "".join(filter(_is_visible, line)) for line in lines)


def _is_visible(character: str) -> bool:
    return character in KEPT or unicodedata.category(character) not in INVISIBLE


def _rendered(section: Section, values: Mapping[str, str], variables: Mapping[str, Variable]) -> Iterator[str]:
    for part in section.parts:
        match part:
            case str():
                yield part
            case Slot(name) if variables[name].type == "data":
                yield f'<data name="{name}">\n{without_marks(values[name])}\n</data>'
            case Slot(name):
                yield without_marks(values[name])
            case Section(name) if values[name]:
                yield from _rendered(part, values, variables)


def _tokens(text: str, source: str) -> Iterator[tuple[str, str, int]]:
    """Give texts as ("", text, line) and tags as ("=", "#" or "/", name, line)."""
    end = 0
    for found in TAG.finditer(text):
        yield "", _plain(text[end : found.start()], source), text.count("\n", 0, found.start()) + 1
        yield found.group(1) or "=", found.group(2), text.count("\n", 0, found.start()) + 1
        end = found.end()
    yield "", _plain(text[end:], source), text.count("\n") + 1


def _plain(text: str, source: str) -> str:
    if STRAY.search(text):
        raise PromptError(f"{source}: '{{{{' without a variable's name and '}}}}'")
    return text


def _section(
    name: str,
    tokens: Iterator[tuple[str, str, int]],
    variables: Mapping[str, Variable],
    source: str,
    used: set[str],
    inside: frozenset[str] = frozenset(),
) -> Section:
    parts: list[str | Slot | Section] = []
    for kind, value, line in tokens:
        where = f"{source}:{line}"
        if not kind:
            parts.append(value)
            continue
        if kind == "/":
            if value != name:
                raise PromptError(f"{where}: {{{{/{value}}}}} closes no section that is open")
            return Section(name, tuple(parts))
        if value not in variables:
            raise PromptError(f"{where}: no variable {value!r}: there are {', '.join(sorted(variables)) or 'none'}")
        used.add(value)
        if kind == "#":
            parts.append(_section(value, tokens, variables, source, used, inside | {value}))
            continue
        if variables[value].optional and value not in inside:
            raise PromptError(f"{where}: {value!r} is optional: it goes between {{{{#{value}}}}} and {{{{/{value}}}}}")
        parts.append(Slot(value))
    if name:
        raise PromptError(f"{source}: {{{{#{name}}}}} is not closed")
    return Section(name, tuple(parts))
