"""Values of some flags as bare words: `invoke deploy ai-engine memory-engine`, `invoke release.prepare 1.2.0`.

Invoke itself takes a fixed number of such words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from invoke.parser.argument import Argument
from invoke.parser.context import ParserContext

FLAG = "--service"
FLAGS = (FLAG, "--release", "--secret", "--trace")
"""What a bare word is a value of, in tasks that have such a flag."""


def with_flags(
    words: Sequence[str], contexts: Mapping[str, ParserContext], services: Collection[str] = ()
) -> list[str]:
    """Return a command line in which bare words behind a task that takes services became `--service WORD`, and so on.

    A word that is also the name of a task begins that task, as ever; unless it stands behind a task that takes services
    and is one of them. `contexts` is name of a task -> what Invoke knows of its flags.
    """
    result: list[str] = []
    context: ParserContext | None = None
    value_expected = False
    missing = 0
    for word in words:
        if value_expected:
            value_expected = False
        elif word.startswith("-") and word != "-":
            value_expected = _takes_value(word, context)
        elif missing:
            missing -= 1
        elif word in contexts and not (word in services and _takes_services(context)):
            context = contexts[word]
            missing = len(wanted_words(context))
        elif flag := _flag_of_words(context):
            result.append(flag)
        result.append(word)
    return result


def _takes_services(context: ParserContext | None) -> bool:
    return context is not None and FLAG in context.flags and bool(context.flags[FLAG].takes_value)


def wanted_words(context: ParserContext) -> list[Argument]:
    """Return what the words behind a task are, whatever else they name: `invoke ci.run deploy`."""
    return [argument for argument in context.args.values() if argument.positional and argument.value is None]


def _flag_of_words(context: ParserContext | None) -> str:
    flags = context.flags if context else {}
    return next((flag for flag in FLAGS if flag in flags and flags[flag].takes_value), "")


def _takes_value(word: str, context: ParserContext | None) -> bool:
    """Tell whether the word behind a flag belongs to it."""
    name, equals, _value = word.partition("=")
    if equals or context is None or name not in context.flags:
        return False
    argument = context.flags[name]
    return bool(argument.takes_value) and not argument.optional
