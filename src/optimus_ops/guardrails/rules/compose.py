"""Compose files: what holds for each service, with what it extends and what its base says of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from optimus_ops.guardrails.compose_services import ComposeService, base_candidates, services_of
from optimus_ops.guardrails.model import Match, RuleInfo
from optimus_ops.guardrails.rules.compose_checks import CHECKS, Found
from optimus_ops.guardrails.rules.fields import FileScope, choices, needed, scope, texts
from optimus_ops.guardrails.rules.kind import Kind
from optimus_ops.guardrails.yaml_files import YamlFiles
from optimus_ops.guardrails.yaml_spans import end_of
from optimus_ops.project.yaml_nodes import Node


@dataclass(frozen=True)
class ComposeRule:
    """Checks that services pass, those that are excepted left out."""

    info: RuleInfo
    scope: FileScope
    checks: tuple[str, ...]
    excepted: Collection[str] = frozenset()
    alone: bool = False
    """What a file extends, and its base, can make it break a rule as well."""

    def found_in(self, path: str, files: YamlFiles) -> Iterator[Match]:
        """Give what is wrong with a file's services; what its base has as well is told there."""
        base = next((name for name in base_candidates(path) if name in files.files), "")
        known = {text for _, _, text, _ in self._found(base, files)} if base and self.scope.holds(base) else set()
        for service, found, text, detail in self._found(path, files):
            if text not in known:
                place = found.place if found is not None else service.place
                end = end_of(found) if found is not None else place.column + len(service.name)
                yield Match(place, end, text, f"{service.name} {detail}", path if place.file != path else "")

    def _found(self, path: str, files: YamlFiles) -> Iterator[tuple[ComposeService, Node | None, str, str]]:
        for service in services_of(path, files):
            if service.name not in self.excepted:
                for check in self.checks:
                    yield from (_told(service, check, found) for found in CHECKS[check](service))


def _told(service: ComposeService, check: str, found: Found) -> tuple[ComposeService, Node | None, str, str]:
    node, detail = found
    return service, node, f"{service.name} {check} {detail}", detail


def _compose(info: RuleInfo, keys: Mapping[str, Node], rule: Node) -> ComposeRule:
    checks = choices(needed(keys, "checks", rule), CHECKS, "check of services")
    return ComposeRule(info, scope(keys, rule), checks, frozenset(texts(keys.get("except-services"))))


KINDS = {"compose": Kind("services of Compose files", ("files", "except", "checks", "except-services"), _compose)}
