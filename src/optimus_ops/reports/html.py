"""A report as one HTML page that needs nothing from elsewhere. It is well-formed XML too."""

from __future__ import annotations

import re
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from optimus_ops.reports import spans
from optimus_ops.reports.model import Run
from optimus_ops.reports.svg import TEMPLATES, legal, palette_css
from optimus_ops.reports.svg_chart import panel_svg
from optimus_ops.reports.svg_timeline import timeline_svg
from optimus_ops.reports.tables import visible

FOLD = re.compile(r"</?details[^>]*>")
SUMMARY = re.compile(r"<summary>(.*?)</summary>", re.DOTALL)


def page(run: Run) -> str:
    """Return the page."""
    # The style is files of this package.
    style = Markup(palette_css() + (TEMPLATES / "page.css").read_text("utf-8"))  # noqa: S704
    return _environment().get_template("page.html.j2").render(run=run, style=style)


def markdown_html(text: str) -> Markup:
    """Return text in Markdown as HTML: tags in it are shown, but for folded parts, and pictures are left out."""
    unfolded = SUMMARY.sub(r"\n\n**\1**\n\n", FOLD.sub("", legal(text)))
    parser = MarkdownIt("commonmark", {"html": False, "xhtmlOut": True}).enable("table").disable("image")
    return Markup(parser.render(unfolded))  # noqa: S704 - the parser escapes what it does not know


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
    )
    return environment
