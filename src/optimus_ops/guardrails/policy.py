"""The policy: a file of YAML with the rules of a repository. `policy.schema.json` describes it to editors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.guardrails.model import LEVELS, OWN_RULES, RuleInfo
from optimus_ops.guardrails.modules import SourceRoots, with_packages
from optimus_ops.guardrails.policy_waivers import PolicyWaiver, read_waivers
from optimus_ops.guardrails.rules.fields import Glob, choice, filled, flag, globs, needed, patterns, texts
from optimus_ops.guardrails.rules.kind import ChangeRule, FileRule, GraphRule, Rule, YamlRule
from optimus_ops.guardrails.rules.kinds import KINDS
from optimus_ops.guardrails.rules.pattern import ForbiddenPattern
from optimus_ops.guardrails.yaml_files import SUFFIXES as YAML
from optimus_ops.project.yaml_nodes import Node, parse_yaml
from optimus_ops.text.globs import matches

FILE = "policy.yaml"
SCHEMA = Path(__file__).with_name("policy.schema.json")
KEYS = ("version", "sources", "exclude", "same-change-waivers", "waivers", "rules")
CODEOWNERS = "codeowners"
RULE_KEYS = ("id", "kind", "severity", "message", "why", "mend", "good", "bad")
ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
VERSION = 1


@dataclass(frozen=True)
class Policy:
    """What a repository allows.

    Args:
        excluded: files that are never judged.
        same_change_waivers: whether a waiver governs the change that adds it.
        owners_waive: whether it does where its authors own the file (CODEOWNERS).
        waivers: of the policy itself.
        digest: of the text; the same text judges the same.
    """

    roots: SourceRoots
    rules: tuple[Rule, ...]
    root_globs: tuple[Glob, ...] = ()
    excluded: tuple[Glob, ...] = ()
    same_change_waivers: bool = False
    owners_waive: bool = False
    waivers: tuple[PolicyWaiver, ...] = ()
    digest: str = ""
    by_id: Mapping[str, Rule] = field(default_factory=dict)

    @cached_property
    def file_rules(self) -> tuple[FileRule, ...]:
        """The rules that judge files."""
        return tuple(rule for rule in self.rules if isinstance(rule, FileRule))

    @cached_property
    def yaml_rules(self) -> tuple[YamlRule, ...]:
        """The rules that judge YAML files."""
        return tuple(rule for rule in self.rules if isinstance(rule, YamlRule))

    @cached_property
    def graph_rules(self) -> tuple[GraphRule, ...]:
        """The rules that judge imports."""
        return tuple(rule for rule in self.rules if isinstance(rule, GraphRule))

    @cached_property
    def change_rules(self) -> tuple[ChangeRule, ...]:
        """The rules that judge which files changed."""
        return tuple(rule for rule in self.rules if isinstance(rule, ChangeRule))

    def judges(self, path: str) -> bool:
        """Tell whether a file is judged at all."""
        return self.judges_python(path) or any(self.holds(rule, path) for rule in self.yaml_rules)

    def judges_python(self, path: str) -> bool:
        """Tell whether a file is judged as Python."""
        return path.endswith(".py") and not self._excludes(path)

    def holds(self, rule: FileRule | YamlRule, path: str) -> bool:
        """Tell whether a rule is about a file that is not excluded."""
        return rule.scope.holds(path) and not self._excludes(path)

    def reads(self, path: str) -> bool:
        """Tell whether the content of a file matters: what is judged, and what YAML files may refer to."""
        return self.judges_python(path) or (path.endswith(YAML) and bool(self.yaml_rules))

    def _excludes(self, path: str) -> bool:
        return bool(self.excluded) and matches(path, self._excluded)

    @cached_property
    def _excluded(self) -> tuple[str, ...]:
        return patterns(self.excluded)

    def rule(self, name: str) -> Rule:
        """Return a rule by its id.

        Raises:
            Refused: there is none.
        """
        if name not in self.by_id:
            import difflib  # noqa: PLC0415 - for a mistake alone

            near = difflib.get_close_matches(name, self.by_id, 1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise Refused(f"no rule {name!r}", f"{meant}there are: {', '.join(self.by_id)}")
        return self.by_id[name]


def parse_policy(text: str, file: str = FILE) -> Policy:
    """Return the policy that a text states.

    Raises:
        Refused: something is wrong in it; file, line and column are told, of a key the nearest one that there is.
    """
    root = parse_yaml(text, file)
    keys = root.known_items(KEYS, "a policy")
    for name in ("version", "sources", "rules"):
        if name not in keys:
            raise root.error(f"a policy needs the key {name!r}")
    if keys["version"].value != VERSION:
        raise keys["version"].error(f"version {VERSION} is expected, not {keys['version'].text()!r}")
    rules: dict[str, Rule] = {}
    for node in keys["rules"]:
        rule = _rule(node)
        if rule.info.id in rules:
            raise node.error(f"two rules have the id {rule.info.id!r}")
        rules[rule.info.id] = rule
    roots = globs(keys["sources"])
    texts(keys["sources"])
    return Policy(
        SourceRoots(patterns(roots)),
        tuple(rules.values()),
        roots,
        globs(keys.get("exclude")),
        *_same_change(keys.get("same-change-waivers")),
        read_waivers(keys.get("waivers"), rules),
        hashlib.sha256(text.encode()).hexdigest(),
        rules,
    )


def _same_change(node: Node | None) -> tuple[bool, bool]:
    """Return whether all waivers govern the change that adds them, and whether those of owners do."""
    if node is not None and node.value == CODEOWNERS:
        return False, True
    return flag(node, default=False), False


def _rule(node: Node) -> Rule:
    kind_node = dict(node.items()).get("kind")
    if kind_node is None:
        raise node.error("a rule needs the key 'kind'", f"there are: {', '.join(KINDS)}")
    kind = KINDS[choice(kind_node, KINDS, "kind of rules")]
    keys = node.known_items((*RULE_KEYS, *kind.keys), f"a rule of kind {kind_node.text()}")
    id_node = needed(keys, "id", node)
    if not ID.fullmatch(id_node.text()) or id_node.text() in OWN_RULES:
        raise id_node.error(
            f"{id_node.text()!r} is no id of a rule", "small letters, digits and hyphens: sql-in-stores"
        )
    level = choice(keys["severity"], LEVELS, "severity") if "severity" in keys else "error"
    info = RuleInfo(
        id_node.text(),
        kind_node.text(),
        next(each for each in LEVELS if each == level),
        filled(needed(keys, "message", node)),
        filled(needed(keys, "why", node)),
        filled(needed(keys, "mend", node)),
        node.place,
        _examples(keys.get("good")),
        _examples(keys.get("bad")),
    )
    return kind.read(info, keys, node)


def _examples(node: Node | None) -> tuple[Mapping[str, str], ...]:
    if node is None:
        return ()
    found = tuple({path: text.text() for path, text in item.items()} for item in node)
    if not all(found):
        raise node.error("an example is one or more files, each a path and its text")
    return found


def check_patterns(policy: Policy, paths: Collection[str]) -> None:
    """Refuse patterns that match nothing: each is an oversight, and a rule that seems to hold.

    Raises:
        Refused: the first pattern without a file or a module, or one of code that ast-grep can't read.
    """
    modules = [module for path in paths if (module := policy.roots.module(path))]
    packages = {package for module in set(modules) for package in with_packages(module)}
    every = [*policy.excluded, *(glob for waiver in policy.waivers for glob in waiver.globs)]
    for rule in policy.rules:
        every += rule.scope.globs if isinstance(rule, FileRule | YamlRule) else ()
        every += rule.globs if isinstance(rule, ChangeRule) else ()
        if isinstance(rule, ForbiddenPattern):
            rule.check()
        for pattern in rule.patterns if isinstance(rule, GraphRule) else ():
            if pattern.text not in packages and not ("*" in pattern.text and any(map(pattern.covers, modules))):
                inside = pattern.text.partition(".")[0] in {*packages, "*"}
                hint = "is its folder one of `sources`?" if not inside else "was it renamed?"
                raise Refused(f"{rule.info.place}: {rule.info.id}: there is no module {pattern.text}", hint)
    for glob in policy.root_globs:
        if glob.pattern != "." and not any(matches(path, (f"{glob.pattern}/**",)) for path in paths):
            raise Refused(f"{glob.place}: {glob.pattern}: no file is below it")
    for glob in every:
        if not any(matches(path, (glob.pattern,)) for path in paths):
            raise Refused(f"{glob.place}: {glob.pattern}: no file matches it", "mend the pattern, or take it out")
