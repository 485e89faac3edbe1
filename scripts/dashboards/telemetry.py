"""The dashboard of telemetry itself: does what the others show arrive."""

from __future__ import annotations

from scripts.dashboards.model import Board, Panel, Query, Section
from scripts.dashboards.promql import rate

SPANS = Section(
    "Spans: from services to Tempo",
    (
        Panel(
            "Exported by services",
            "ops",
            "Spans per second that Alloy took. 0 under load: exporter off; `invoke trace-smoke-test` says where.",
            (Query(rate("otel_spans_exported_total", "job"), "{{job}}"),),
        ),
        Panel(
            "Lost by services",
            "ops",
            "Spans per second that found no place or no collector. Above 0: is Alloy up, has it memory?",
            (Query(rate("otel_spans_dropped_total", "job"), "{{job}}"),),
            warn=0.001,
        ),
        Panel(
            "Refused or failed in Alloy",
            "ops",
            "Spans per second that Alloy refused (memory) or could not hand to Tempo: is Tempo up? Traces per "
            "second that it dropped undecided (TRACES_KEPT=tail): shorten TRACES_WAIT, or raise TRACES_PENDING.",
            (
                Query(rate("otelcol_receiver_refused_spans_total"), "refused"),
                Query(rate("otelcol_exporter_send_failed_spans_total"), "failed"),
                Query(rate("otelcol_processor_tail_sampling_sampling_trace_dropped_too_early_total"), "undecided"),
            ),
            warn=0.001,
        ),
    ),
)

PARTS = Section(
    "Parts of the overlay",
    (
        Panel(
            "Up",
            "short",
            "1 for what is scraped. 0: `invoke status`, then `invoke scale --observability`.",
            (Query('min by (job) (up{job=~"alloy|tempo|loki|prometheus"})', "{{job}}"),),
        ),
        Panel(
            "Scraped replicas",
            "short",
            "Replicas that answer, by service. Less than run: the network of Alloy, or a replica's /metrics.",
            (Query('sum by (job) (up{job!~"alloy|tempo|loki|prometheus"})', "{{job}}"),),
        ),
        Panel(
            "Time of a scrape",
            "s",
            "The slowest replica. Above 5 s it is not scraped: it is overloaded or has too many series.",
            (Query("max by (job) (scrape_duration_seconds)", "{{job}}"),),
            warn=2,
            bad=5,
        ),
        Panel(
            "Series",
            "short",
            "Series of the store. If it grows with requests, a label is unbounded: docs/metrics.md.",
            (Query('prometheus_tsdb_head_series{job="prometheus"}', "series"),),
        ),
        Panel(
            "Disk of metrics",
            "bytes",
            "Blocks and log. At METRICS_SIZE the oldest goes; if that is less than wanted, raise it.",
            (
                Query('prometheus_tsdb_storage_blocks_bytes{job="prometheus"}', "blocks"),
                Query('prometheus_tsdb_wal_storage_size_bytes{job="prometheus"}', "log"),
            ),
        ),
        Panel(
            "Lines refused",
            "ops",
            "Lines per second that Loki discarded or Alloy gave up. Then: a service that floods, or Loki's bounds.",
            (
                Query(rate("loki_discarded_samples_total", "reason"), "Loki {{reason}}"),
                Query(rate("loki_write_dropped_entries_total", "reason"), "Alloy {{reason}}"),
            ),
        ),
    ),
)

TELEMETRY = Board("optimus-telemetry", "Optimus: telemetry", "Do traces, lines and metrics arrive.", (SPANS, PARTS))
