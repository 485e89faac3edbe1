"""Write docs/mutation.md: of how many changed decisions tests took notice, from the results of mutmut in `mutants`.

A module that the last run did not try keeps its row.
"""

from __future__ import annotations

import datetime
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PAGE = CHECKOUT / "docs" / "mutation.md"
KILLED, SURVIVED, NOT_TRIED = "killed", "survived", "not tried"
OUTCOMES = {None: NOT_TRIED, 0: SURVIVED, 33: SURVIVED, 34: NOT_TRIED}
"""mutmut's exit codes: 0 tests passed, 33 no test runs the function, 34 skipped; all others: a test noticed."""
ROW = re.compile(r"\| `(?P<module>[\w.]+)` \|")

HEAD = """# Mutation testing

`nox -s mutation` changes the code of the decisions, one expression at a time, by [mutmut](https://mutmut.readthedocs.io),
and runs the tests that reach it: a change that no test notices has survived. What survives is mostly equal in effect:
an argument that is the default anyway, `strict=` of `zip`, the default of `get` for a key that is there.

| module | changes | noticed | score | date |
|---|---:|---:|---:|---|
"""


def main() -> None:
    """Write the page."""
    kept = {match["module"]: line for line in _lines() if (match := ROW.match(line))}
    rows = {**kept, **dict(_rows(CHECKOUT / "mutants" / "src"))}
    PAGE.write_text(HEAD + "".join(f"{rows[module]}\n" for module in sorted(rows)), "utf-8")
    print(f"wrote {PAGE.relative_to(CHECKOUT)}")


def _lines() -> list[str]:
    return PAGE.read_text("utf-8").splitlines() if PAGE.exists() else []


def _rows(folder: Path) -> Iterator[tuple[str, str]]:
    today = datetime.datetime.now(datetime.UTC).date()
    for path in sorted(folder.rglob("*.py.meta")):
        codes = json.loads(path.read_text("utf-8"))["exit_code_by_key"].values()
        found = Counter(OUTCOMES.get(code, KILLED) for code in codes)
        tried = found[KILLED] + found[SURVIVED]
        # A part that was left out is no score of the module.
        if tried and not found[NOT_TRIED]:
            module = ".".join(path.relative_to(folder).parts).removesuffix(".py.meta")
            score = f"{100 * found[KILLED] / tried:.0f} %"
            yield module, f"| `{module}` | {tried:,} | {found[KILLED]:,} | {score} | {today} |"


if __name__ == "__main__":
    main()
