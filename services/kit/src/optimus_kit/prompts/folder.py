"""Reading the folder of prompts."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml

from optimus_kit.prompts.model import MAX_DATA, MAX_TEXT, Prompt, PromptError, Variable, VariableType, Variant
from optimus_kit.prompts.template import parse_template

NAME = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")
LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?\Z")
VARIABLE = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
PROMPT_FILE = "prompt.yaml"
PROMPT_KEYS = frozenset({"summary", "default-locale", "variables"})
VARIABLE_KEYS = frozenset({"type", "optional", "most", "choices", "about"})
MAX_FILE = 200_000


def read_prompts(folder: Path) -> Mapping[str, Prompt]:
    """Read all prompts of a folder.

    Raises:
        PromptError: naming the file, and the line or key, that is wrong.
    """
    try:
        found = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise PromptError(f"{folder}: can't be read ({type(error).__name__})") from None
    return {path.name: read_prompt(path) for path in found}


def read_prompt(folder: Path) -> Prompt:
    """Read one prompt; raise `PromptError` as `read_prompts`."""
    file = folder / PROMPT_FILE
    if not NAME.match(folder.name):
        raise PromptError(f"{folder}: a prompt's name is lower-case letters, digits and '-'")
    settings = _mapping(_yaml(file), file, PROMPT_KEYS)
    variables = {
        str(name): _variable(str(name), _mapping(entry or {}, file, VARIABLE_KEYS), file)
        for name, entry in _mapping(settings.get("variables") or {}, file).items()
    }
    variants = tuple(_variants(folder, variables))
    default = str(settings.get("default-locale") or "")
    if not any(variant.locale == default and not variant.tenant for variant in variants):
        raise PromptError(f"{file}: default-locale is {default!r}, and there is no {default or '<locale>'}.md")
    return Prompt(folder.name, str(settings.get("summary") or ""), default, variables, variants)


def _variants(folder: Path, variables: Mapping[str, Variable]) -> Iterator[Variant]:
    for path in sorted(folder.rglob("*.md")):
        tenant = "" if path.parent == folder else path.parent.name
        if path.parent not in {folder, folder / tenant} or not LOCALE.match(path.stem):
            raise PromptError(f"{path}: <locale>.md or <tenant>/<locale>.md is wanted, such as pt-BR.md")
        text = _read(path)
        described = repr([text, sorted(variables.items())])
        version = hashlib.sha256(described.encode()).hexdigest()[:12]
        yield Variant(path.stem, tenant, parse_template(text, variables, str(path)), version)


def _variable(name: str, entry: Mapping[str, Any], file: Path) -> Variable:
    where = f"{file}: variable {name!r}"
    type_, optional = entry.get("type", "text"), entry.get("optional", False)
    if not VARIABLE.match(name):
        raise PromptError(f"{where}: a name is lower-case letters, digits and '_'")
    if type_ not in get_args(VariableType):
        raise PromptError(f"{where}: type is one of {', '.join(get_args(VariableType))}")
    choices = entry.get("choices") or []
    if (type_ == "choice") != bool(choices) or not isinstance(choices, list):
        raise PromptError(f"{where}: 'choices' is a list, and only a choice has it")
    most = entry.get("most", MAX_DATA if type_ == "data" else MAX_TEXT)
    if not isinstance(most, int) or not 1 <= most <= MAX_DATA or not isinstance(optional, bool):
        raise PromptError(f"{where}: most is a number up to {MAX_DATA:,}, and optional true or false")
    return Variable(name, type_, optional, most, tuple(str(choice) for choice in choices))


def _mapping(document: Any, file: Path, known: frozenset[str] | None = None) -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise PromptError(f"{file}: a mapping is wanted")
    unknown = sorted(str(key) for key in document if known is not None and key not in known)
    if unknown:
        raise PromptError(f"{file}: unknown key {unknown[0]!r}: there are {', '.join(sorted(known or ()))}")
    return document


def _yaml(file: Path) -> Any:
    try:
        return yaml.safe_load(_read(file))
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        raise PromptError(f"{file}: not valid YAML{line}") from None


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
        if len(content) > MAX_FILE:
            raise PromptError(f"{path}: more than {MAX_FILE:,} bytes")
        return content.decode("utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"{path}: can't be read ({type(error).__name__})") from None
