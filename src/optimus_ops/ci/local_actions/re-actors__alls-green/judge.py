"""Fails unless every needed job succeeded, or may fail or be skipped."""

import json
import os
import sys
from pathlib import Path


def names(text: str) -> frozenset[str]:
    """Return job ids, from a JSON list or a text with commas."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        found = text.split(",")
    return frozenset(name.strip() for name in found if name.strip()) if isinstance(found, list) else frozenset()


def main() -> int:
    """Print each job's result and give the verdict."""
    failures, skips = names(os.environ["ALLOWED_FAILURES"]), names(os.environ["ALLOWED_SKIPS"])
    bad = 0
    for job, found in json.loads(os.environ["JOBS"]).items():
        result = found["result"]
        tolerated = (result == "skipped" and job in skips) or (result in {"failure", "cancelled"} and job in failures)
        bad += result != "success" and not tolerated
        print(f"{job}: {result}{' (tolerated)' if tolerated else ''}")
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.write(f"result={'failure' if bad else 'success'}\n")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
