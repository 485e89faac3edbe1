"""`invoke prompts.show`: a prompt as a model would see it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from optimus_ops.errors import Refused
from optimus_ops.evals.model import Case
from optimus_ops.evals.platform import load_platform
from optimus_ops.evals.prompts import render_cases
from optimus_ops.project.settings import load_project
from optimus_ops.reports.place import Place
from optimus_ops.text.console import Console, print_json

MOST_FILE = 1_000_000
LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?\Z")


def show_prompt(name: str, variables: Sequence[str], tenant: str, locale: str, *, json: bool) -> None:
    """Render a prompt and print it.

    Raises:
        Refused: there is no such prompt, or the variables are not those that it takes.
    """
    project = load_project()
    platform = load_platform(project)
    if locale and not LOCALE.match(locale):
        raise Refused(f"--locale {locale}: a language is wanted, or one and a country, such as pt-BR")
    case = Case("", Place(f"prompts.show {name}"), "", (), (), name, _variables(variables), tenant, locale)
    (rendered,) = render_cases(platform.renderer, platform.prompts, [case])
    text, version = rendered.messages[0].content, rendered.prompt_version
    if json:
        print_json({"schema": 1, "prompt": name, "version": version, "text": text})
        return
    console = Console.standard()
    console.stream.write(text)
    Console.standard(json=True).say(version)


def _variables(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        name, value = _variable(text)
        if name in found:
            raise Refused(f"--var {name}: it is given twice")
        found[name] = value
    return found


def _variable(text: str) -> tuple[str, str]:
    """Return name and value of NAME=VALUE; of NAME=@FILE the value is the file's text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Refused(f"--var {text}: NAME=VALUE is wanted, or NAME=@FILE")
    if not value.startswith("@"):
        return name, value
    try:
        with open(value[1:], encoding="utf-8") as file:  # noqa: PTH123 - the name is as it was typed
            return name, file.read(MOST_FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"--var {text}: the file can't be read: {error}") from error
