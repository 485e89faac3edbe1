"""What rules there are, which of them hold for a file, and why: `guardrails.rules`, `guardrails.explain`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optimus_ops.errors import Refused
from optimus_ops.guardrails.diff_paths import MOST_NAME
from optimus_ops.guardrails.modules import covered
from optimus_ops.guardrails.policy import Policy
from optimus_ops.guardrails.rules.kind import ChangeRule, FileRule, Rule, YamlRule
from optimus_ops.guardrails.rules.kinds import KINDS
from optimus_ops.guardrails.rules.layers import Layers
from optimus_ops.text.globs import matches

MOST_SHOWN = 200


def rules_for(policy: Policy, path: str) -> tuple[Rule, ...]:
    """Return the rules that hold for a file, whether it exists or not; all for "".

    Raises:
        Refused: the path leads outside of the repository.
    """
    if not path:
        return policy.rules
    check_inside(path)
    return tuple(rule for rule in policy.rules if _holds(policy, rule, path))


def check_inside(path: str) -> None:
    """Refuse a path that leads outside of the repository, or that no file has.

    Raises:
        Refused: it is such a path.
    """
    outside = path.startswith("/") or {"..", ".", "", ".git"} & set(path.split("/"))
    if outside or "\\" in path or not path.isprintable() or len(path) > MOST_NAME:
        shown = ascii(path[:MOST_SHOWN])
        raise Refused(f"{shown}: a path inside of the repository is expected", "as in: src/package/module.py")


def _holds(policy: Policy, rule: Rule, path: str) -> bool:
    if isinstance(rule, ChangeRule):
        return any(matches(path, (glob.pattern,)) for glob in rule.globs)
    if not policy.judges(path):
        return False
    if isinstance(rule, FileRule | YamlRule):
        return rule.scope.holds(path)
    module = policy.roots.module(path)
    if module is None:
        return False
    inside = isinstance(rule, Layers) and module.startswith(f"{rule.container}.")
    return inside or covered(module, rule.patterns)


def explained(rule: Rule) -> str:
    """Return all that the policy says of a rule."""
    info = rule.info
    parts = [
        f"{info.id} ({info.kind}: {KINDS[info.kind].summary}; {info.level}; {info.place})",
        info.message,
        f"why: {info.why.strip()}",
        f"mend: {info.mend.strip()}",
    ]
    for word, examples in (("good", info.good), ("bad", info.bad)):
        parts += [text for example in examples for text in _example(word, example)]
    return "\n\n".join(parts)


def _example(word: str, example: Mapping[str, str]) -> Iterator[str]:
    for path, text in example.items():
        lines = "\n".join(f"    {line}".rstrip() for line in text.rstrip().splitlines())
        yield f"{word}: {path}\n{lines}".rstrip()


def rule_document(rule: Rule) -> dict[str, object]:
    """Return a rule as a JSON object."""
    info = rule.info
    return {
        "id": info.id,
        "kind": info.kind,
        "severity": info.level,
        "message": info.message,
        "why": info.why,
        "mend": info.mend,
        "good": [dict(example) for example in info.good],
        "bad": [dict(example) for example in info.bad],
        "place": str(info.place),
    }
