"""Dashboards as values: what a panel asks, in which unit, and what to do when it looks bad."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Store(StrEnum):
    """A store that queries ask; the value is the uid of Grafana's data source, and its type."""

    PROMETHEUS = "prometheus"
    LOKI = "loki"
    TEMPO = "tempo"


class Kind(StrEnum):
    """How a panel looks."""

    TIMESERIES = "timeseries"
    STAT = "stat"
    LOGS = "logs"
    TRACES = "table"


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel.

    Args:
        legend: name of each series, with `{{label}}`.
        exemplars: whether points that name traces are shown.
    """

    expr: str
    legend: str = ""
    store: Store = Store.PROMETHEUS
    exemplars: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Args:
        unit: Grafana's id of the unit (`reqps`, `s`, `bytes`).
        advice: what it shows, and what to do when it looks bad.
        width: of 24 columns.
        warn: value from which it is yellow; None for no threshold.
        bad: value from which it is red; None for no threshold.
    """

    title: str
    unit: str
    advice: str
    queries: tuple[Query, ...]
    kind: Kind = Kind.TIMESERIES
    width: int = 8
    warn: float | None = None
    bad: float | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A row with a title, and its panels."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top of a dashboard: values of a label of a metric."""

    name: str
    metric: str

    @property
    def label(self) -> str:
        """Return the label; that of a service is `job`."""
        return "job" if self.name == "service" else self.name

    @property
    def query(self) -> str:
        """Return the variable's query, as Grafana's Prometheus source has it."""
        return f"label_values({self.metric}, {self.label})"


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard."""

    uid: str
    title: str
    summary: str
    sections: tuple[Section, ...]
    variables: tuple[Variable, ...] = ()
