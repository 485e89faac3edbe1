"""The report as one HTML page that needs nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from optimus_ops.redis.drill.faults import FAULTS
from optimus_ops.redis.drill.figures import ENOUGH_FOR_P95, median_run
from optimus_ops.redis.drill.picture import PICTURE_STYLE, picture
from optimus_ops.redis.drill.targets import targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from optimus_ops.redis.drill.figures import Figures, Spread
    from optimus_ops.redis.drill.outcomes import Outcome
    from optimus_ops.redis.drill.report import Report
    from optimus_ops.redis.drill.targets import Target

STYLE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 1040px; padding: 24px 20px 60px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 40px 0 2px; }
p { margin: 4px 0 12px; } .soft { color: var(--soft); }
.wide { overflow-x: auto; }
@media (max-width: 760px) { body { padding: 14px 12px 40px; } .wide svg.run { width: 760px; }
  td:first-child { white-space: normal; min-width: 9em; } }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; margin: 8px 0; }
th { text-align: left; font-weight: 600; color: var(--soft); }
th, td { padding: 4px 10px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
.group td { border-bottom-color: transparent; }
.figures td:nth-child(n+6), .figures th:nth-child(n+6) { text-align: right; }
.met { color: var(--good); } .unmet { color: var(--bad); font-weight: 600; }
details { margin: 6px 0; } summary { cursor: pointer; color: var(--soft); }
"""


def page(report: Report) -> str:
    """Return the page."""
    settings = "; ".join(f"{name}: {value}" for name, value in report.settings.items())
    runs, good = len(report.outcomes), sum(one.good for one in report.outcomes)
    word = "met" if runs == good else "unmet"
    sections = "".join(_section(one, report.by_fault[one.fault]) for one in report.figures)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Redis drill</title>
<style>{PICTURE_STYLE}{STYLE}</style>
</head>
<body>
<h1>Redis drill of {escape(report.project)}</h1>
<p class="soft">{escape(settings)}</p>
<p><span class="{word}">{good} of {runs} runs went as expected.</span>
An outage is the longest time without an acknowledgement, from the last one to the next; in seconds. Lost is what was
acknowledged and is not there afterwards. p95 is told of at least {ENOUGH_FOR_P95} runs.</p>
{_targets(targets(report.figures))}
{_summary(report.figures)}
{sections}
</body>
</html>
"""


def _summary(all_figures: Sequence[Figures]) -> str:
    head = (
        "fault",
        "runs",
        "as expected",
        "elections",
        "outage of",
        "p50",
        "p95",
        "max",
        "acknowledged",
        "indeterminate",
        "rejected",
        "lost",
    )
    rows = "".join("".join(_summary_rows(one)) for one in all_figures)
    return f'<div class="wide"><table class="figures"><tr>{_cells(head, "th")}</tr>{rows}</table></div>'


def _summary_rows(one: Figures) -> Iterator[str]:
    elections = ", ".join(f"{number} in {runs}" for number, runs in sorted(one.elections.items()))
    good = f'<span class="{"met" if one.good == one.runs else "unmet"}">{one.good}</span>'
    first = (f'<a href="#{one.fault}">{one.fault}</a>', f"{one.runs}", good, elections)
    kinds = list(one.lost)
    for number, kind in enumerate(kinds):
        lost, most = one.lost[kind]
        cells = (
            *(first if number == 0 else ("",) * len(first)),
            kind,
            *_seconds(one.outages.get(kind)),
            *(f"{count:,}" for count in one.writes[kind].values()),
            f"{lost:,}" if lost == most else f"{lost:,} (max {most:,})",
        )
        group = "" if number == len(kinds) - 1 else ' class="group"'
        yield f"<tr{group}>{_cells(cells)}</tr>"


def _targets(found: Sequence[Target]) -> str:
    rows = "".join(
        f"<tr>{_cells((escape(one.what), one.wanted, _word(one), escape(one.source)))}</tr>" for one in found
    )
    head = _cells(("target", "wanted", "measured", "on"), "th")
    return f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'


def _word(one: Target) -> str:
    if one.found is None:
        return f'<span class="soft">{one.verdict}</span>'
    return f'<span class="{"met" if one.reached else "unmet"}">{one.shown}, {one.verdict}</span>'


def _section(one: Figures, runs: Sequence[Outcome]) -> str:
    fault = next(fault for fault in FAULTS if fault.name == one.fault)
    shown = median_run(runs)
    title = f"{fault.name}, run {shown.number} of {len(runs)}: {fault.summary}"
    unmet = "".join(
        f'<li class="unmet">{escape(name)}: not in {number} of {one.runs} runs</li>'
        for name, number in one.unmet.items()
    )
    return f"""<h2 id="{fault.name}">{fault.name}</h2>
<p>{escape(fault.summary)}.</p>
{f"<ul>{unmet}</ul>" if unmet else ""}
<div class="wide">{picture(shown.timeline, title)}</div>
<p class="soft">Run {shown.number}, the middle one by its outage. {escape(_moments(shown))}</p>
<p class="soft">{escape(_writes(one))}</p>
<details><summary>All runs</summary><div class="wide">{_runs(runs)}</div></details>
"""


def _moments(one: Outcome) -> str:
    seen = one.moments
    named = {
        "first sentinel takes it for dead": seen.first_down,
        "second": seen.quorum_down,
        "agreed": seen.agreed_down,
        "election": seen.election,
        "elected": seen.elected,
        "promoted": seen.promoted,
        "first switch": seen.first_switch,
        "last switch": seen.last_switch,
    }
    found = [f"{name} {at:.2f} s" for name, at in named.items() if at is not None]
    restored = [] if seen.restored is None else [f"redundancy {seen.restored:.2f} s after the healing"]
    return "; ".join([*found, *restored])


def _writes(one: Figures) -> str:
    errors = ", ".join(f"{name} {number}" for name, number in one.errors.items()) or "none"
    doomed = ""
    if one.last_doomed is not None:
        doomed = (
            f" The replaced master acknowledged {one.doomed} writes after the fault that were lost, the last one "
            f"{one.last_doomed:.2f} s after it."
        )
    shown = "".join(
        f" {name.capitalize()}: {', '.join(f'{value} in {runs}' for value, runs in found.items())} runs."
        for name, found in one.facts.items()
    )
    return f"Errors of all runs: {errors}. There more than once: {one.duplicates}.{doomed}{shown}"


def _runs(runs: Sequence[Outcome]) -> str:
    kinds = list(dict.fromkeys(kind for one in runs for kind in one.outages))
    head = ("run", *(f"outage {kind}" for kind in kinds), "switch", "elections", "lost", "restored", "new master", "")
    rows = []
    for one in runs:
        lost = sum(account.lost for account in one.accounts.values())
        unmet = "; ".join(f"{each.name}: {each.found}" for each in one.expected if not each.met)
        cells = (
            f"{one.number}",
            *(_second(one.outages.get(kind)) for kind in kinds),
            _second(one.moments.first_switch),
            f"{one.moments.elections}",
            f"{lost}",
            _second(one.moments.restored),
            escape(one.moments.new_master),
            f'<span class="unmet">{escape(unmet)}</span>' if unmet else '<span class="met">as expected</span>',
        )
        rows.append(f"<tr>{_cells(cells)}</tr>")
    return f"<table><tr>{_cells(head, 'th')}</tr>{''.join(rows)}</table>"


def _cells(cells: Iterable[str], tag: str = "td") -> str:
    return "".join(f"<{tag}>{cell}</{tag}>" for cell in cells)


def _seconds(spread: Spread | None) -> tuple[str, str, str]:
    if spread is None:
        return "", "", ""
    return _second(spread.p50), _second(spread.p95), _second(spread.most)


def _second(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
