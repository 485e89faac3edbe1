"""What the host trusts and where its package index is, for builds: as secrets, never as layers."""

from __future__ import annotations

import configparser
import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# Debian and Ubuntu, Fedora and RHEL, openSUSE, Alpine.
CA_PATHS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
# Options that decide where packages come from and how the index is reached; the rest of a pip.conf is the host's own.
INDEX_OPTIONS = ("index-url", "extra-index-url", "trusted-host", "timeout", "retries", "proxy")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def choose_ca_bundle(environ: Mapping[str, str], is_file: Callable[[str], bool]) -> str | None:
    """Return the path of the CA bundle that the host's own tools use; None if it has none."""
    named = (environ.get(variable, "") for variable in CA_VARIABLES)
    return next((path for path in (*named, *CA_PATHS) if path and is_file(path)), None)


def pip_configuration(environ: Mapping[str, str], files: Iterable[str]) -> str:
    """Return a pip.conf with the host's package index, for use inside a build.

    Contents of pip.conf files come the weakest first; `PIP_<OPTION>` wins over them, as in pip. Malformed files are
    pip's to complain about and left out, and so are `find-links` and addresses that a container can't reach (`file:`,
    plain paths, the loopback).
    """
    merged: dict[str, str] = {}
    for text in files:
        merged.update(_index_options(text))
    for option in INDEX_OPTIONS:
        value = environ.get(f"PIP_{option.upper().replace('-', '_')}")
        if value is not None:
            merged[option] = value
    kept = {option: _reachable(option, value) for option, value in merged.items()}
    parser = configparser.RawConfigParser()
    parser["global"] = {option: value for option, value in kept.items() if value}
    stream = io.StringIO()
    parser.write(stream)
    return stream.getvalue() if parser["global"] else ""


def pip_files(environ: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Return where pip looks for its configuration, the weakest first (https://pip.pypa.io/en/stable/topics/configuration/)."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == "/dev/null":
        return ()
    shared = [
        Path(folder) / "pip/pip.conf" for folder in environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":") if folder
    ]
    user = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    site = [Path(prefix) / "pip.conf"] if (prefix := environ.get("VIRTUAL_ENV")) else []
    extra = [Path(named)] if named else []
    return (*shared, Path("/etc/pip.conf"), home / ".pip/pip.conf", user / "pip/pip.conf", *site, *extra)


def proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the proxy variables that mean something inside a container: those that don't name the loopback."""
    set_here = {name: environ[name] for name in PROXY_VARIABLES if environ.get(name)}
    return {
        name: value
        for name, value in set_here.items()
        if name.upper() == "NO_PROXY" or urlsplit(value if "//" in value else f"//{value}").hostname not in LOOPBACK
    }


def is_remote(address: str) -> bool:
    """Tell whether an address is one that a container can reach as well."""
    try:
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and parts.hostname not in {None, *LOOPBACK}
    except ValueError:
        return False


def _index_options(text: str) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            options = {name.replace("_", "-"): value for name, value in parser.items(section)}
            found.update({name: value for name, value in options.items() if name in INDEX_OPTIONS})
    return found


def _reachable(option: str, value: str) -> str:
    if option not in {"index-url", "extra-index-url", "proxy"}:
        return " ".join(value.split())
    return " ".join(address for address in value.split() if is_remote(address))
