"""Command lines that can't be meant, refused in our words before Invoke reads them.

Invoke ends with exit code 1, prints its own objects, and takes an empty value for no value.
"""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterable, Mapping, Sequence

from invoke.parser.argument import Argument
from invoke.parser.context import ParserContext, to_flag

from optimus_ops.commandline.positional_services import wanted_words
from optimus_ops.errors import Refused


class UnknownFlag(Refused):
    """A task ("" where none was named yet) has no such flag."""

    def __init__(self, task: str, flag: str, hint: str) -> None:
        """Keep task and flag apart, for those who know more of them."""
        super().__init__(f"{f'invoke {task}'.strip()} has no flag {flag}", hint)
        self.task, self.flag = task, flag


def check_usage(words: Sequence[str], contexts: Mapping[str, ParserContext], core: ParserContext) -> None:
    """Refuse a command line with an unknown task or flag, or with a flag that lacks its value.

    `words` are what stands behind Invoke's own flags, services as flags already (`words.with_flags`); `contexts` is
    name of a task -> what Invoke knows of it. Invoke's own flags (`core`) may also stand behind a task.
    """
    context: ParserContext | None = None
    wanted: list[Argument] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word.startswith("-") and word != "-":
            if wanted and context is not None and word in core.flags and word not in context.flags:
                # Invoke would take it for the word that is wanted.
                raise Refused(f"{word} stands before this task", f"invoke {word} {context.name}")
            _check_flag(word, left, context, core, contexts)
            wanted = [argument for argument in wanted if word.partition("=")[0] not in _flags_of(argument)]
        elif wanted:
            # Also where it is the name of a task: so does Invoke.
            wanted.pop(0)
        elif word in contexts:
            context = contexts[word]
            wanted = wanted_words(context)
        elif context is None:
            raise Refused(f"no task {word!r}", near(word, contexts, "all of them: invoke --list"))
        else:
            raise _unexpected(word, context, contexts)
        if wanted and not left and context is not None:
            missing = " ".join(str(argument.name).upper() for argument in wanted)
            raise Refused(f"invoke {context.name} needs {missing}", wanted[0].help or None)


def check_own_flags(words: Sequence[str], core: ParserContext) -> None:
    """Refuse empty or missing values of Invoke's own flags, which stand before the first task."""
    left = list(words)
    while left and left[0].startswith("-") and left[0] != "-":
        word = left.pop(0)
        if word.partition("=")[0] not in core.flags:
            return
        _check_flag(word, left, None, core)


def near(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return a hint that names what comes near a word, else another hint."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {found[0]}?" if found else otherwise


def _check_flag(
    word: str, left: list[str], context: ParserContext | None, core: ParserContext, tasks: Container[str] = ()
) -> None:
    """Check one flag, and take its value off the words that are left."""
    name, equals, value = word.partition("=")
    own = context.flags if context else core.flags
    inverse = context.inverse_flags if context else {}
    if name in inverse:
        return
    if name not in own and name not in core.flags:
        if not name.startswith("--") and len(name) > 2:
            return  # several short flags in one word: Invoke takes them apart
        task = str(context.name) if context else ""
        known = [flag for flag in (*own, *inverse) if flag.startswith("--")]
        raise UnknownFlag(task, name, near(name, known, f"its flags: invoke --help {task}".rstrip()))
    argument = own[name] if name in own else core.flags[name]
    if not argument.takes_value:
        if equals:
            raise Refused(f"{name} takes no value")
        return
    if argument.optional and not equals and (not left or left[0].startswith("-") or left[0] in tasks):
        return
    if not equals:
        if not left or left[0] in own or left[0] in core.flags or left[0] in inverse:
            raise Refused(f"{name} needs a value", f"{argument.help or 'its meaning'}: {name} VALUE")
        value = left.pop(0)
    if not value.strip():
        raise Refused(f"{name} has an empty value", "is a shell variable unset? leave the flag out for the default")


def _flags_of(argument: Argument) -> list[str]:
    return [to_flag(name) for name in argument.names]


def _unexpected(word: str, context: ParserContext, contexts: Mapping[str, ParserContext]) -> Refused:
    if words := [str(argument.name).upper() for argument in context.args.values() if argument.positional]:
        # Not the word itself: behind the name of a secret it may be a value.
        message = f"invoke {context.name} takes no word behind {' '.join(words)}"
        return Refused(message, f"its flags: invoke --help {context.name}")
    message = f"invoke {context.name} takes no word {word!r}"
    values = [flag for flag, argument in context.flags.items() if argument.takes_value]
    if word.isdigit() and values:
        return Refused(message, f"a number follows a flag: invoke {context.name} {values[0]} {word}")
    return Refused(message, near(word, contexts, f"its flags: invoke --help {context.name}"))
