"""What `invoke status` shows of a replica: run as a script, it prints lines made from the replica's own /metrics.

A line that begins with `!` is about something that is not as it should be. Imports as little as it can.
"""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from http.client import HTTPConnection, HTTPException

SECONDS = 2.0
EVERYONE = "everyone"
SAMPLE = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)\Z")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Sample = tuple[str, Mapping[str, str], float]


def samples(text: str) -> list[Sample]:
    """Return name, labels and value of each sample of the Prometheus text format; escapes in labels stay."""
    found = (SAMPLE.match(line) for line in text.splitlines() if not line.startswith("#"))
    return [(one["name"], dict(LABEL.findall(one["labels"] or "")), float(one["value"])) for one in found if one]


def lines(found: Iterable[Sample]) -> list[str]:
    """Return what is shown."""
    found = tuple(found)
    retry: dict[tuple[str, str], float] = {}
    tenants: dict[tuple[str, str], list[str]] = {}
    for name, labels, value in found:
        if name == "optimus_provider_key_retry_seconds":
            retry[_place(labels)] = value
        elif name == "optimus_provider_key_held_back":
            tenants.setdefault(_place(labels), []).append(labels["tenant"])
    shown = [
        _key(labels, tenants.get(_place(labels), [EVERYONE]), retry.get(_place(labels), 0.0))
        for name, labels, _ in found
        if name == "optimus_provider_key_state"
    ]
    if any(name == "optimus_tenants_file_refused" and value for name, _, value in found):
        shown.append("! tenants file can't be used: the tenants that were read before stay; the reason is in the logs")
    return shown


def _place(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels["provider"], labels["key"]


def _key(labels: Mapping[str, str], tenants: Iterable[str], retry: float) -> str:
    text = f"provider {labels['provider']}, key {labels['key']}: {labels['state']}"
    if labels["state"] == "closed":
        return text
    when = f"next try in {retry:.0f} s" if retry else "next try now"
    return f"! {text} for {','.join(tenants)} ({labels['reason'] or 'unknown'}), {when}"


def main() -> int:
    """Ask and print; return the exit code."""
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 8010), timeout=SECONDS)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    except (OSError, HTTPException, UnicodeDecodeError) as error:
        print(f"report: no metrics ({type(error).__name__})", file=sys.stderr)
        return 1
    print("\n".join(lines(samples(text))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
