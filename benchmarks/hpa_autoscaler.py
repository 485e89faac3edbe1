"""HPA's rule in the place of ours: `python -m benchmarks.hpa_autoscaler CONFIG SECONDS`, else as `invoke autoscale`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from optimus_ops.autoscale.command import autoscale
from optimus_ops.autoscale.model import Ceiling, Decision, History, ServiceSettings, Signals
from optimus_ops.autoscale.simulate.rules import HPA_SYNC_SECONDS, HpaRule
from optimus_ops.autoscale.tick import DecisionRule


@dataclass
class HpaDecisions:
    """What the rule recommended for each service is remembered by it: HPA's window."""

    rules: dict[str, HpaRule] = field(default_factory=dict)

    def decide(
        self, signals: Signals, history: History, settings: ServiceSettings, ceiling: Ceiling
    ) -> tuple[Decision, History]:
        """Return HPA's number within the budgets; without metrics it keeps the number, as HPA does."""
        if signals.missing:
            hold = f"missing: {', '.join(signals.missing)}"
            kept = signals.current
            return Decision(settings.service, signals.at, kept, kept, kept, hold=hold), history
        rule = self.rules.setdefault(settings.service, hpa_rule(settings))
        wanted = rule.wanted(signals)
        bound = settings.most if ceiling.replicas is None else min(ceiling.replicas, settings.most)
        return Decision(settings.service, signals.at, signals.current, min(wanted, bound), wanted), history


def hpa_rule(settings: ServiceSettings) -> HpaRule:
    """Return the rule that keeps replicas as long as ours: `stabilizationWindowSeconds` is a setting of HPA's."""
    return HpaRule(settings, window=settings.cool_down)


def main() -> None:
    """Follow the stack, and print what was done as JSON."""
    rule = DecisionRule(HpaDecisions().decide, HPA_SYNC_SECONDS)
    autoscale(config_file=sys.argv[1], once=False, plan=False, json=True, seconds=float(sys.argv[2]), rule=rule)


if __name__ == "__main__":
    main()
