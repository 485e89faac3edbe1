"""The secrets that this host and this checkout know: what no image may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from optimus_ops.images import host_trust
from optimus_ops.images.package_hosts import package_secrets
from optimus_ops.project.dotenv import read_dotenv
from optimus_ops.project.settings import Project


def secret_values(project: Project, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return what no image may hold, by name: the operator's secrets, and passwords of package indexes and proxies."""
    passwords = {f"password {n} of index or proxy": found for n, found in enumerate(host_passwords(environ), 1)}
    return {**read_dotenv(project.secrets_file, {}), **passwords}


def host_passwords(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the passwords and tokens by which this host reaches package indexes and proxies."""
    texts = [*package_secrets(environ, Path.home()).values(), *host_trust.proxies(environ).values()]
    return tuple(passwords_in("\n".join(texts)))


def passwords_in(text: str) -> Iterator[str]:
    """Give the passwords of the addresses in a text, and npm's credentials."""
    yield from re.findall(r":_(?:auth|authToken|password)=(\S+)", text)
    for address in re.findall(r"https?://[^\s\"']+", text):
        try:
            if password := urlsplit(address).password:
                yield password
        except ValueError:
            continue
