"""Parts of PromQL that hold while replicas come and go: first the rate of each series, then the sum."""

from __future__ import annotations

REQUESTS = "http_server_request_duration_seconds"
WINDOW = "$__rate_interval"


def rate(metric: str, by: str = "", where: str = "", window: str = WINDOW) -> str:
    """Return the sum of rates of a counter, per value of `by`."""
    grouped = f" by ({by})" if by else ""
    return f"sum{grouped} (rate({metric}{selector(where)}[{window}]))"


def quantile(share: float, metric: str, by: str = "", where: str = "", window: str = WINDOW) -> str:
    """Return a quantile of a histogram over all replicas, per value of `by`."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, {rate(metric + '_bucket', labels, where, window)})"


def errors(by: str, where: str = "", window: str = WINDOW) -> str:
    """Return the share of requests that ended with 5xx, per value of `by`: 0 without any, none without requests."""
    failed = f'{where}, http_response_status_code=~"5.."' if where else 'http_response_status_code=~"5.."'
    total = rate(f"{REQUESTS}_count", by, where, window)
    return f"({rate(f'{REQUESTS}_count', by, failed, window)} or 0 * {total}) / ({total} > 0)"


def burning(short: str, long: str) -> str:
    """Return each job's smaller share of errors of two windows: beyond a threshold only if both are."""
    shares = ((errors("job", window=short), "short"), (errors("job", window=long), "long"))
    named = " or ".join(f'label_replace({share}, "window", "{name}", "", "")' for share, name in shares)
    return f"min by (job) ({named}) and on (job) ({rate(f'{REQUESTS}_count', 'job', window=short)} > 0)"


def selector(where: str) -> str:
    """Return the matchers of labels in braces; nothing for none."""
    return f"{{{where}}}" if where else ""
