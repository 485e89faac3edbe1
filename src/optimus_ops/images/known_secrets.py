"""The secrets that this host and this checkout know: what no image may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from optimus_ops.images import host_trust
from optimus_ops.project.dotenv import read_dotenv
from optimus_ops.project.settings import Project


def secret_values(project: Project, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return what no image may hold, by name: the operator's secrets, and passwords of package indexes and proxies."""
    texts = [
        path.read_text("utf-8", "replace") for path in host_trust.pip_files(environ, Path.home()) if path.is_file()
    ]
    addresses = [host_trust.pip_configuration(environ, texts), *host_trust.proxies(environ).values()]
    passwords = {
        f"password {n} of index or proxy": found for n, found in enumerate(url_passwords("\n".join(addresses)), 1)
    }
    return {**read_dotenv(project.secrets_file, {}), **passwords}


def url_passwords(text: str) -> Iterator[str]:
    """Give the passwords of the addresses in a text, as those of a package index."""
    for address in re.findall(r"https?://[^\s\"']+", text):
        try:
            if password := urlsplit(address).password:
                yield password
        except ValueError:
            continue
