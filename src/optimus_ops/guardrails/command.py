"""The tasks that show rules, try them and write the baseline."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date

from optimus_ops.checks.model import worst
from optimus_ops.checks.render import check_json, checks_text, summary
from optimus_ops.errors import OpsError, Refused
from optimus_ops.guardrails.baseline import FILE, baseline_text
from optimus_ops.guardrails.examples import try_examples
from optimus_ops.guardrails.explain import explained, rule_document, rules_for
from optimus_ops.guardrails.git_files import work_tree
from optimus_ops.guardrails.model import OWN_RULES
from optimus_ops.guardrails.policy import check_patterns
from optimus_ops.guardrails.repository import open_repository, today
from optimus_ops.system.atomic_write import atomic_write
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns
from optimus_ops.text.table import make_table, render


def show_rules(path: str, *, as_json: bool) -> None:
    """Print the rules, or those that hold for a file."""
    found = rules_for(open_repository().policy, path)
    if as_json:
        print_json({"path": path, "rules": [rule_document(rule) for rule in found]})
        return
    rows = [(rule.info.id, rule.info.kind, rule.info.level, rule.info.message) for rule in found]
    console = Console.standard()
    table = make_table(("RULE", "KIND", "SEVERITY", "MESSAGE"), rows, folded=("MESSAGE",))
    text = render((table,), colour=console.colour, columns=layout_columns(sys.stdout)) if rows else "no rule\n"
    console.stream.write(text)


def explain(name: str, *, as_json: bool) -> None:
    """Print what the policy says of a rule."""
    if name in OWN_RULES:
        text = f"{name}\n\n{OWN_RULES[name]}"
        document: dict[str, object] = {"id": name, "message": OWN_RULES[name]}
    else:
        rule = open_repository().policy.rule(name)
        text, document = explained(rule), rule_document(rule)
    if as_json:
        print_json(document)
    else:
        Console.standard().say(text)


def show_examples(*, as_json: bool) -> None:
    """Try all rules on their examples.

    Raises:
        OpsError: a rule doesn't do what its examples say.
    """
    checks = tuple(try_examples(open_repository().policy))
    if as_json:
        print_json({"checks": [check_json(check) for check in checks]})
    else:
        console = Console.standard()
        columns = layout_columns(sys.stdout)
        console.stream.write(checks_text(checks, summary(checks), (), colour=console.colour, columns=columns))
    if worst(check.verdict for check in checks) != "ok":
        raise OpsError("rules differ from their examples", "mend the rule or the example in policy.yaml")


def write_baseline(owner: str, until: str) -> None:
    """Write the violations that there are into the baseline; known ones keep their owner and their last day."""
    if not owner or not until:
        raise Refused(
            "an owner and a last day are wanted", "invoke guardrails.baseline --owner TEAM --until 2027-06-30"
        )
    try:
        expires = date.fromisoformat(until)
    except ValueError:
        raise Refused(f"--until {until}: a date is expected, as 2027-06-30") from None
    if expires < today():
        raise Refused(f"--until {until}: that day is over")
    repository = open_repository()
    head, kept = work_tree(repository.root), repository.baseline()
    check_patterns(repository.policy, head.files)
    verdict = repository.judge.everything(head, ())
    own = tuple(found for found in verdict.counting if found.rule not in OWN_RULES)
    repository.cache.write()
    atomic_write(repository.root / FILE, baseline_text(own, owner, expires, kept), 0o644)
    Console.standard().say(f"wrote {FILE}: {len(own)} violation{'s' * (len(own) != 1)}")
    left = replace(verdict, counting=tuple(found for found in verdict.counting if found.rule in OWN_RULES))
    if left.failing:
        raise OpsError("; ".join(f"{found.match.place}: {found.sentence}" for found in left.failing))
