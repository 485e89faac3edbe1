"""All dashboards, in the order of the menu."""

from __future__ import annotations

from scripts.dashboards.balancer import BALANCER
from scripts.dashboards.model import Board
from scripts.dashboards.overview import OVERVIEW
from scripts.dashboards.services import SERVICES
from scripts.dashboards.stores import STORES
from scripts.dashboards.telemetry import TELEMETRY

BOARDS: tuple[Board, ...] = (OVERVIEW, *SERVICES, BALANCER, STORES, TELEMETRY)
