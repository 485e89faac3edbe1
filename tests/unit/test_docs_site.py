"""The documentation site has every page, in the order of docs/index.md, and loads only what it brings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from scripts.docs_site import COMPANIONS, CONFIG, collect_pages, resource_faults
from tests.unit.repository import CHECKOUT


def pages_of(nav: list[dict[str, Any]]) -> list[str]:
    entries = [entry for item in nav for entry in item.values()]
    return [page for entry in entries for page in (pages_of(entry) if isinstance(entry, list) else [entry])]


def test_the_navigation_has_the_order_of_the_index() -> None:
    index = (CHECKOUT / "docs" / "index.md").read_text("utf-8")
    links = [(CHECKOUT / "docs" / link).resolve() for link in re.findall(r"\]\(([^)]+)\)", index)]
    nav = pages_of(tomllib.loads(CONFIG.read_text("utf-8"))["project"]["nav"])
    assert nav == ["README.md", "docs/index.md", *(str(link.relative_to(CHECKOUT)) for link in links[1:])]


def test_every_page_that_is_built_is_in_the_navigation(tmp_path: Path) -> None:
    collect_pages(CHECKOUT, tmp_path)
    built = {str(page.relative_to(tmp_path)) for page in tmp_path.rglob("*.md")}
    assert built == set(pages_of(tomllib.loads(CONFIG.read_text("utf-8"))["project"]["nav"]))
    assert set(COMPANIONS) <= built


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<img src="pictures/plan.svg">', ""),
        ('<img src="/docs/pictures/plan.svg">', ""),
        ('<img src="data:image/svg+xml;base64,AA==">', ""),
        ('<a href="https://nox.thea.codes">Nox</a>', ""),
        ('<img src="pictures/gone.svg">', "docs/page.html shows pictures/gone.svg, which does not exist"),
        ('<script src="https://cdn.example/x.js"></script>', "docs/page.html loads https://cdn.example/x.js: "),
        ('<link rel="stylesheet" href="//fonts.example/a.css">', "docs/page.html loads //fonts.example/a.css: "),
    ],
)
def test_what_a_page_loads_is_there_and_on_no_other_host(tmp_path: Path, html: str, fault: str) -> None:
    page = tmp_path / "docs" / "page.html"
    (page.parent / "pictures").mkdir(parents=True)
    (page.parent / "pictures" / "plan.svg").touch()
    page.write_text(html)
    found = list(resource_faults(tmp_path, page))
    assert len(found) == bool(fault)
    assert not fault or found[0].startswith(fault)
