"""Names of modules: of files, and patterns of them in the policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class SourceRoots:
    """The folders that modules are imported from, as patterns: `src`, `services/*/src`."""

    patterns: tuple[str, ...]

    def module(self, path: str) -> str | None:
        """Return the module that a file is; None for other files."""
        return _module(self.patterns, path) if path.endswith(".py") else None


@cache
def _module(patterns: tuple[str, ...], path: str) -> str | None:
    found = _roots(patterns).match(path)
    if not found:
        return None
    parts = path[found.end() : -len(".py")].split("/")
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else None


@cache
def _roots(patterns: tuple[str, ...]) -> re.Pattern[str]:
    # The root with the most parts first: it is the one that Python has on its path.
    ordered = sorted(patterns, key=lambda pattern: (pattern == ".", -pattern.count("/")))
    several = (re.escape(pattern).replace(r"\*", "[^/]+") + "/" if pattern != "." else "" for pattern in ordered)
    return re.compile("|".join(f"(?:{each})" for each in several))


@dataclass(frozen=True)
class ModulePattern:
    """A module and all below it; `*` stands for one part of a name."""

    text: str

    def covers(self, module: str) -> bool:
        """Tell whether a module is meant."""
        return covered(module, (self,))


def covered(module: str, patterns: tuple[ModulePattern, ...]) -> bool:
    """Tell whether a module is one of several."""
    return _compiled(patterns).match(module) is not None


@cache
def _compiled(patterns: tuple[ModulePattern, ...]) -> re.Pattern[str]:
    several = (re.escape(pattern.text).replace(r"\*", r"[^.]+") for pattern in patterns)
    return re.compile(rf"(?:{'|'.join(several)})(?:\.|$)" if patterns else r"(?!)")


def with_packages(module: str) -> Iterator[str]:
    """Give a module and the packages that it is in."""
    while module:
        yield module
        module = module.rpartition(".")[0]
