"""A report as one HTML page that needs nothing from elsewhere. It is well-formed XML too."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from optimus_ops.reports import spans
from optimus_ops.reports.comparison import Entries
from optimus_ops.reports.model import Run
from optimus_ops.reports.svg import TEMPLATES, legal, palette_css
from optimus_ops.reports.svg_chart import panel_svg
from optimus_ops.reports.svg_intervals import intervals_svg
from optimus_ops.reports.svg_timeline import timeline_svg
from optimus_ops.reports.tables import visible
from optimus_ops.reports.word_diff import word_diff

FOLD = re.compile(r"</?details[^>]*>")
SUMMARY = re.compile(r"<summary>(.*?)</summary>", re.DOTALL)


def page(run: Run) -> str:
    """Return the page."""
    style = palette_css() + (TEMPLATES / "page.css").read_text("utf-8")
    searched = any(isinstance(block, Entries) for section in run.sections for block in section.blocks)
    script = (TEMPLATES / "entries.js").read_text("utf-8") if searched else ""
    # Style and script are files of this package, and nothing else can be one: browsers hold the page to their digests.
    own = {"style": Markup(style), "script": Markup(script)}  # noqa: S704
    return _environment().get_template("page.html.j2").render(run=run, policy=_policy(style, script), **own)


def markdown_html(text: str) -> Markup:
    """Return text in Markdown as HTML: tags in it are shown, but for folded parts, and pictures are left out."""
    unfolded = SUMMARY.sub(r"\n\n**\1**\n\n", FOLD.sub("", legal(text)))
    parser = MarkdownIt("commonmark", {"html": False, "xhtmlOut": True}).enable("table").disable("image")
    return Markup(parser.render(unfolded))  # noqa: S704 - the parser escapes what it does not know


def _policy(style: str, script: str) -> str:
    """Return the Content-Security-Policy: nothing is loaded, and no other style or script counts."""
    found = {"default-src": "'none'", "style-src": _digest(style), "base-uri": "'none'", "form-action": "'none'"}
    if script:
        found["script-src"] = _digest(script)
    return "; ".join(f"{name} {value}" for name, value in found.items())


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: legal(value) if type(value) is str else value,
    )
    environment.globals.update(
        visible=lambda blocks: [(type(block).__name__, block) for block in visible(blocks)],
        spans=spans.spans,
        plain_text=spans.plain_text,
        slug=spans.slug,
        markdown_html=markdown_html,
        timeline_svg=timeline_svg,
        panel_svg=panel_svg,
        intervals_svg=intervals_svg,
        word_diff=word_diff,
    )
    return environment
