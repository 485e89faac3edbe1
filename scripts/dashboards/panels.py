"""Panels and queries of Grafana, made of ours by its Foundation SDK."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common, logs, loki, prometheus, stat, table, tempo, timeseries
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Threshold, ThresholdsMode
from grafana_foundation_sdk.models.prometheus import QueryEditorMode
from scripts.dashboards.model import Kind, Panel, Query, Store

HEIGHT = 8
AnyQuery = prometheus.Dataquery | loki.Dataquery | tempo.TempoQuery
AnyPanel = timeseries.Panel | stat.Panel | logs.Panel | table.Panel


def source(store: Store) -> DataSourceRef:
    """Return the reference of a provisioned data source, whose uid is its type."""
    return DataSourceRef(type_val=store.value, uid=store.value)


def query(asked: Query, ref: str) -> AnyQuery:
    """Return a query as Grafana keeps it; `ref` is A, B, …."""
    match asked.store:
        case Store.PROMETHEUS:
            found = prometheus.Dataquery().expr(asked.expr).legend_format(asked.legend).range().ref_id(ref)
            found = found.editor_mode(QueryEditorMode.CODE).datasource(source(asked.store))
            return found.exemplar(True) if asked.exemplars else found
        case Store.LOKI:
            lines = loki.Dataquery().expr(asked.expr).query_type("range").ref_id(ref).datasource(source(asked.store))
            return lines.legend_format(asked.legend) if asked.legend else lines
        case Store.TEMPO:
            search = tempo.TempoQuery().query(asked.expr).query_type("traceql").limit(20).ref_id(ref)
            return search.datasource(source(asked.store))


def panel(wanted: Panel, number: int) -> AnyPanel:
    """Return a panel of Grafana; `number` is its id in the dashboard."""
    made = _shape(wanted).id(number).title(wanted.title).description(wanted.advice).span(wanted.width).height(HEIGHT)
    made = made.datasource(source(wanted.queries[0].store)).unit(wanted.unit)
    for ref, asked in zip("ABCDEF", wanted.queries, strict=False):
        made = made.with_target(query(asked, ref))
    return made.thresholds(_thresholds(wanted)) if wanted.warn is not None or wanted.bad is not None else made


def _shape(wanted: Panel) -> AnyPanel:
    match wanted.kind:
        case Kind.TIMESERIES:
            legend = common.VizLegendOptions().display_mode(LegendDisplayMode.TABLE).placement(LegendPlacement.BOTTOM)
            legend = legend.show_legend(True).calcs(["lastNotNull", "max"])
            return timeseries.Panel().legend(legend).min(0).fill_opacity(10)
        case Kind.STAT:
            return stat.Panel()
        case Kind.LOGS:
            return logs.Panel().show_time(True).wrap_log_message(True)
        case Kind.TRACES:
            return table.Panel()


def _thresholds(wanted: Panel) -> ThresholdsConfig:
    steps = [Threshold(value=None, color="green")]
    if wanted.warn is not None:
        steps.append(Threshold(value=wanted.warn, color="yellow"))
    if wanted.bad is not None:
        steps.append(Threshold(value=wanted.bad, color="red"))
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
