"""A report as Markdown: for a reader of the repository, and for the summary of a CI step."""

from __future__ import annotations

import re
from html import escape

from optimus_ops.reports.comparison import Diff
from optimus_ops.reports.model import Bullets, MarkdownText, Output, Paragraph, Run, Section, Table
from optimus_ops.reports.pictures import Chart, Intervals, Timeline
from optimus_ops.reports.spans import Content, Span, spans
from optimus_ops.reports.svg import legal
from optimus_ops.reports.tables import Visible, seen_without_a_page, visible

SPECIAL = re.compile(r"[\\`*\[\]<>|~&]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown reads, an underscore within a word excepted."""
BLOCK_START = re.compile(r"^(?:[#+=-]|\d+[.)](?=\s|$))")
"""What begins a headline or a list where it begins a line."""


def markdown(run: Run) -> str:
    """Return the report; what is in `Details`, and pictures without a file, are left out."""
    parts = [f"# {inline(run.title)}", line(run.headline)]
    if run.facts:
        facts = "; ".join(f"{name} {value}" for name, value in run.facts.items())
        made = (f"Measured with {_code(run.command)}: ",) if run.command else ()
        parts.append("".join([*made, inline(f"{facts}.")]))
    elif run.command:
        parts.append(f"Made by {_code(run.command)}.")
    for section in seen_without_a_page(run.sections):
        parts += _section(section)
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(section: Section) -> list[str]:
    blocks = [_block(block) for block in visible(section.blocks)]
    if section.folded:
        return [f"<details>\n<summary>{escape(legal(section.title))}</summary>", *blocks, "</details>"]
    return [f"## {inline(section.title)}", *blocks]


def _block(block: Visible) -> str:
    match block:
        case Paragraph(content):
            return line(content)
        case Bullets(items):
            return "\n".join(f"- {line(item)}" for item in items)
        case Output(text):
            return _fenced(text, "text")
        case Diff():
            return _fenced(block.unified(), "diff")
        case MarkdownText(text):
            return legal(text).strip()
        case Table():
            return table(block)
        case Timeline() | Chart() | Intervals() if block.file:
            return f"![{inline(block.title)}]({block.file}.svg)"
    return ""


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence}{language}\n{legal(text)}\n{fence}"


def table(found: Table) -> str:
    """Return a table of GitHub's Markdown."""
    head, *rows = ([inline(cell) for cell in row] for row in (found.header, *found.rows))
    rule = ["---:" if name in found.right else "---" for name in found.header]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def line(content: Content) -> str:
    """Return a text as a line of Markdown that shows it as it is."""
    return BLOCK_START.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", inline(content))


def inline(content: Content) -> str:
    """Return a text as a part of a line."""
    return "".join(_span(span) for span in spans(content)).strip()


def _span(span: Span) -> str:
    text = _code(span.text) if span.code else _escaped(span.text)
    if span.href and not span.link.startswith("##"):
        return f"[{text}]({span.href})"
    return f"**{text}**" if span.tone == "bad" and text.strip() == text != "" else text


def _escaped(text: str) -> str:
    return SPECIAL.sub(r"\\\g<0>", re.sub(r"\s+", " ", legal(text)))


def _code(text: str) -> str:
    """Return code between more backticks than it holds in a row; a bar would end a cell of a table even there."""
    code = " ".join(legal(text).split()).replace("|", "¦")
    fence = "`" * (max((len(run) for run in re.findall("`+", code)), default=0) + 1)
    padding = " " if code.startswith("`") or code.endswith("`") else ""
    return f"{fence}{padding}{code}{padding}{fence}" if code else ""
