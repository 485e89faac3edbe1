"""Prometheus metrics of one service process, or of all of them where they share a folder (docs/metrics.md)."""

from optimus_kit.metrics.counters import Following, tenant_key_counter
from optimus_kit.metrics.exposition import Metrics
from optimus_kit.metrics.listener import listening
from optimus_kit.metrics.reading import Reading
from optimus_kit.metrics.requests import RequestMetrics
from optimus_kit.metrics.spans import show_spans

__all__ = ["Following", "Metrics", "Reading", "RequestMetrics", "listening", "show_spans", "tenant_key_counter"]
