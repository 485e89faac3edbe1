"""Build the documentation site into build/site, and check it: `nox -s docs`.

Zensical refuses links to pages and anchors that don't exist. What it leaves open is checked here: pictures exist, and
no page loads anything from another host. Exit codes: 0 done, 1 something is wrong.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

CHECKOUT = Path(__file__).resolve().parent.parent
CONFIG = CHECKOUT / "zensical.toml"
PAGES = CHECKOUT / "build" / "site-pages"
SITE = CHECKOUT / "build" / "site"
# Beside docs/: the home page, and what it and the pages link to.
COMPANIONS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
LOADED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "link": "href"}


def main() -> int:
    """Build and check; print what is wrong."""
    collect_pages(CHECKOUT, PAGES)
    shutil.rmtree(SITE, ignore_errors=True)
    build = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", str(CONFIG)]
    if subprocess.run(build, cwd=CHECKOUT, check=False).returncode:
        return 1
    faults = [fault for page in sorted(SITE.rglob("*.html")) for fault in resource_faults(SITE, page)]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def collect_pages(checkout: Path, pages: Path) -> None:
    """Copy the README, its companions and docs/ with their places, so that links lead where they do on a forge."""
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(checkout / "docs", pages / "docs", ignore=shutil.ignore_patterns("*.json", "*.html"))
    for name in COMPANIONS:
        shutil.copy(checkout / name, pages)


def resource_faults(site: Path, page: Path) -> Iterator[str]:
    """Name what a page loads that is missing, or that is on another host."""
    parser = ResourceParser()
    parser.feed(page.read_text("utf-8"))
    for resource in parser.resources:
        address = urlsplit(resource)
        path = unquote(address.path)
        if address.scheme == "data":
            continue
        if address.scheme or address.netloc:
            yield f"{page.relative_to(site)} loads {resource}: keep a copy under docs/ instead"
        elif not (site / path.lstrip("/") if path.startswith("/") else page.parent / path).is_file():
            yield f"{page.relative_to(site)} shows {resource}, which does not exist"


class ResourceParser(HTMLParser):
    """Addresses of what a browser loads for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.resources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address of a picture, script, style sheet or icon."""
        values = dict(attrs)
        address = values.get(LOADED.get(tag, ""))
        if address and values.get("rel") not in {"canonical", "next", "prev"}:
            self.resources.append(address)


if __name__ == "__main__":
    sys.exit(main())
