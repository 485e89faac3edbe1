"""A report as one HTML page that needs nothing from elsewhere. It is well-formed XML too."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from optimus_ops.reports import spans
from optimus_ops.reports.model import Run
from optimus_ops.reports.svg import TEMPLATES, legal, palette_css
from optimus_ops.reports.svg_chart import panel_svg
from optimus_ops.reports.svg_timeline import timeline_svg
from optimus_ops.reports.tables import visible


def page(run: Run) -> str:
    """Return the page."""
    # The style is files of this package.
    style = Markup(palette_css() + (TEMPLATES / "page.css").read_text("utf-8"))  # noqa: S704
    return _environment().get_template("page.html.j2").render(run=run, style=style)


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
        timeline_svg=timeline_svg,
        panel_svg=panel_svg,
    )
    return environment
