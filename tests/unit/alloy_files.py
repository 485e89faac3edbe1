"""Alloy configurations as far as tests look into them: blocks, what refers to what, variables; no parser."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

BLOCK = re.compile(r'^ *(?P<kind>[a-z_]+(?:\.[a-z_]+)*) "(?P<label>\w+)" \{', re.MULTILINE)
USE = re.compile(r"(?<![\w.\"/])(?P<kind>[a-z_]+(?:\.[a-z_]+)+)\.(?P<label>\w+)\.(?:input|receiver|targets)\b")
PAIRS = {"}": "{", "]": "[", ")": "("}


def plain(text: str) -> str:
    """Return a configuration without comments, and with the contents of texts taken out."""
    text = re.sub(r'"(?:[^"\\\n]|\\.)*"', lambda found: found[0] if re.fullmatch(r'"\w+"', found[0]) else '""', text)
    return re.sub(r"//.*", "", text)


def unbalanced(text: str) -> str:
    """Return the first bracket that closes nothing or is never closed; "" if there is none."""
    opened: list[str] = []
    for mark in re.findall(r"[][(){}]", plain(text)):
        if mark not in PAIRS:
            opened.append(mark)
        elif not opened or opened.pop() != PAIRS[mark]:
            return str(mark)
    return opened[-1] if opened else ""


def blocks(text: str) -> Counter[str]:
    """Return each labelled block as kind.label, and how often it is there."""
    return Counter(f"{found['kind']}.{found['label']}" for found in BLOCK.finditer(text))


def uses(text: str) -> set[str]:
    """Return the blocks of which something is used, as kind.label."""
    return {f"{found['kind']}.{found['label']}" for found in USE.finditer(plain(text))}


def variables(text: str) -> set[str]:
    """Return the variables of the environment that are read."""
    return set(re.findall(r'sys\.env\("(\w+)"\)', text))


def files(folder: Path) -> dict[str, str]:
    """Return every configuration below a folder: name -> text."""
    return {path.name: path.read_text("utf-8") for path in sorted(folder.rglob("*.alloy"))}
