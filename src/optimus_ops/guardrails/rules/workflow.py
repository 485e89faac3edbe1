"""Workflows and actions of GitHub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from optimus_ops.guardrails.model import Match, RuleInfo
from optimus_ops.guardrails.rules.fields import FileScope, choices, needed, scope
from optimus_ops.guardrails.rules.kind import Kind
from optimus_ops.guardrails.rules.workflow_checks import CHECKS
from optimus_ops.guardrails.yaml_files import YamlFiles
from optimus_ops.guardrails.yaml_spans import end_of
from optimus_ops.project.yaml_nodes import Node


@dataclass(frozen=True)
class WorkflowRule:
    """Checks that workflows and actions pass."""

    info: RuleInfo
    scope: FileScope
    checks: tuple[str, ...]
    alone: bool = True

    def found_in(self, path: str, files: YamlFiles) -> Iterator[Match]:
        """Give what is wrong with a file."""
        root = files.node(path)
        if root is None:
            return
        for check in self.checks:
            for place, node, detail in CHECKS[check](root):
                yield Match(place, end_of(node) if node is not None else 0, f"{check} {detail}", detail)


def _workflow(info: RuleInfo, keys: Mapping[str, Node], rule: Node) -> WorkflowRule:
    return WorkflowRule(info, scope(keys, rule), choices(needed(keys, "checks", rule), CHECKS, "check of workflows"))


KINDS = {"workflow": Kind("workflows and actions of GitHub", ("files", "except", "checks"), _workflow)}
