"""Dashboards of Grafana, made of ours by its Foundation SDK: rows, variables, links, annotations."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard, DashboardLink, QueryVariable, Row
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from scripts.dashboards.model import Board, Store, Variable
from scripts.dashboards.panels import panel, source

CHANGES = '{service_name="optimus-ops"} |= `"event": "begin"`'
"""The first line of each change, as `invoke history` has it."""
TAG = "optimus"


def document(board: Board) -> str:
    """Return a dashboard as the JSON that Grafana reads."""
    made = Dashboard(board.title).uid(board.uid).description(board.summary).tags([TAG]).readonly()
    made = made.refresh("30s").time("now-1h", "now").timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR)
    made = made.link(_menu()).link(_explore("Explore traces", Store.TEMPO)).link(_explore("Explore lines", Store.LOKI))
    made = made.annotation(
        AnnotationQuery().name("Changes").datasource(source(Store.LOKI)).enable(True).icon_color("purple").expr(CHANGES)
    )
    made = made.variables([_variable(choice) for choice in board.variables])
    number = 0
    for section in board.sections:
        number += 1
        made = made.with_row(Row(section.title).id(number))
        for wanted in section.panels:
            number += 1
            made = made.with_panel(panel(wanted, number))
    return JSONEncoder(sort_keys=True, indent=1).encode(made.build()) + "\n"


def _variable(choice: Variable) -> QueryVariable:
    every = VariableOption(selected=True, text="All", value="$__all")
    found = QueryVariable(choice.name).label(choice.name).datasource(source(Store.PROMETHEUS)).query(choice.query)
    found = found.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
    return found.multi(True).include_all(True).all_value(".*").current(every)


def _menu() -> DashboardLink:
    menu = DashboardLink("Optimus").type(DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(True)
    return menu.keep_time(True).include_vars(True)


def _explore(title: str, store: Store) -> DashboardLink:
    pane = f'{{"a":{{"datasource":"{store.value}","queries":[],"range":{{"from":"now-1h","to":"now"}}}}}}'
    return DashboardLink(title).type(DashboardLinkType.LINK).url(f"/explore?schemaVersion=1&panes={pane}")
