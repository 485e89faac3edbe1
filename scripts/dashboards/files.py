"""The files that are generated: dashboards, alert rules, and the tables in docs/dashboards.md."""

from __future__ import annotations

from pathlib import Path

from scripts.dashboards import alerting, grafana
from scripts.dashboards.boards import BOARDS
from scripts.dashboards.tables import page

CHECKOUT = Path(__file__).resolve().parent.parent.parent
FOLDER = "compose/observability/grafana"
RULES = f"{FOLDER}/provisioning/alerting/optimus.json"
PAGE = "docs/dashboards.md"


def files() -> dict[str, str]:
    """Return path below the checkout -> text of every generated file."""
    boards = {f"{FOLDER}/dashboards/{board.uid}.json": grafana.document(board) for board in BOARDS}
    return {**boards, RULES: alerting.document(), PAGE: page()}
