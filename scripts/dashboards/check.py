"""Run every query of the dashboards and alerts against live stores; ends with 1 if one fails or has no data."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from scripts.dashboards.files import files
from scripts.dashboards.live import Returned, ask_all
from scripts.dashboards.model import Store
from scripts.dashboards.queries import asked_queries

from optimus_ops.errors import Refused
from optimus_ops.traces.store_address import parse_address


def describe(answers: Sequence[Returned]) -> str:
    """Return a line for each query that is not well or is excused, and a sum."""
    lines = []
    for answer in answers:
        if not answer.found:
            said = answer.error or answer.excuse or "no data"
            lines.append(f"{'-' if answer.well else '!'} {answer.query.place}: {said}\n    {answer.query.expr}")
    whole = sum(answer.found > 0 for answer in answers)
    return "\n".join([*lines, f"{whole} of {len(answers)} queries return data"])


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.dashboards.check", description=__doc__)
    for store in Store:
        parser.add_argument(
            f"--{store}", metavar="URL", help=f"address of {store.value}; its queries are left out without"
        )
    given = vars(parser.parse_args(words))
    try:
        addresses = {store: parse_address(given[store], f"--{store}", os.environ) for store in Store if given[store]}
    except Refused as refusal:
        parser.error(refusal.message)
    if not addresses:
        parser.error("an address is missing: --prometheus, --loki or --tempo")
    answers = ask_all(asked_queries(files()), addresses)
    print(describe(answers))
    return 0 if all(answer.well for answer in answers) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
