"""Alert rules of what clients notice: errors, slow answers, messages that wait."""

from __future__ import annotations

from scripts.dashboards.alert_model import Alert, Severity
from scripts.dashboards.promql import REQUESTS, burning, quantile

PAGE, TICKET = Severity.PAGE, Severity.TICKET


def _p95(uid: str, what: str, where: str, seconds: float, reason: str) -> Alert:
    measured = quantile(0.95, REQUESTS, "job", where, "10m")
    return Alert(uid, f"{what} are slow", measured, "gt", seconds, "10m", TICKET, reason, "troubleshooting.md")


REQUEST_RULES = (
    Alert(
        "errors-fast",
        "Errors burn the budget of a month in two days",
        burning("5m", "1h"),
        "gt",
        0.0144,
        "2m",
        PAGE,
        "The aim is 99.9 % of requests without 5xx. 14.4 times the rate that it allows uses 2 % of a "
        "month's budget in one hour; "
        "the short window ends the alert soon after the fault.",
        "troubleshooting.md",
    ),
    Alert(
        "errors-slow",
        "Errors burn the budget of a month in five days",
        burning("30m", "6h"),
        "gt",
        0.006,
        "15m",
        TICKET,
        "As before, at 6 times the rate: 5 % of the budget in six hours. Too slow to wake somebody.",
        "troubleshooting.md",
    ),
    _p95(
        "slow-webhooks",
        "Webhooks",
        'http_route="/webhooks/whatsapp"',
        1,
        "A webhook only puts messages into the queue: milliseconds. The provider calls again what takes long.",
    ),
    _p95(
        "slow-memory",
        "Memory searches",
        'job="memory-engine", http_route="/v1/memories/search"',
        1,
        "A search stands before the answer of each request that recalls; it takes tens of milliseconds.",
    ),
    _p95(
        "slow-chat",
        "Answers of models",
        'job="ai-engine", http_route="/v1/chat/completions"',
        30,
        "Long answers take up to 30 s; when one in twenty takes longer, providers or replicas are at their limit.",
    ),
)

QUEUE_RULES = (
    Alert(
        "queue-age",
        "Messages wait long",
        "max(optimus_queue_oldest_message_age_seconds)",
        "gt",
        120,
        "5m",
        PAGE,
        "Who writes by WhatsApp waits two minutes for an answer: workers are too few, or ai-engine "
        "doesn't answer them.",
        "queue.md",
    ),
    Alert(
        "dead-letters",
        "Messages were given up",
        'max(delta(optimus_queue_messages{state="dead"}[15m]))',
        "gt",
        0,
        "0m",
        TICKET,
        "Each is a message that nobody gets an answer to: one is enough to look at.",
        "queue.md",
    ),
)
