"""Where npm of the host gets packages, as the .npmrc of a build."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from optimus_ops.images.host_trust import is_remote

# Options that decide where packages come from and how that is reached; credentials stand by address: "//host/:_auth".
INDEX_OPTION = re.compile(
    r"registry|@[^:=\s]+:registry|//\S+|(https?-)?proxy|noproxy|strict-ssl|fetch-(timeout|retries)", re.IGNORECASE
)
ADDRESS_OPTION = re.compile(r"(.*:)?registry|(https?-)?proxy", re.IGNORECASE)
VARIABLE = re.compile(r"\$\{([^${}]+)\}")
FILE_OPTIONS = re.compile(r"//\S+:(certfile|keyfile)", re.IGNORECASE)


def npm_configuration(environ: Mapping[str, str], files: Iterable[str]) -> str:
    """Return an .npmrc with the host's registry, for use inside a build; "" if it has none of its own.

    Contents of .npmrc files come the weakest first; `npm_config_<option>` wins over them, as in npm. Left out are
    addresses that a container can't reach (the loopback, files) and options that name files of the host.
    """
    merged: dict[str, str] = {}
    for text in files:
        merged.update(_index_options(text, environ))
    for name, value in environ.items():
        option = name[len("npm_config_") :].lower().replace("_", "-")
        if name.lower().startswith("npm_config_") and INDEX_OPTION.fullmatch(option):
            merged[option] = value
    kept = {
        option: value
        for option, value in merged.items()
        if value and not FILE_OPTIONS.fullmatch(option) and (is_remote(value) or not ADDRESS_OPTION.fullmatch(option))
    }
    return "".join(f"{option}={value}\n" for option, value in kept.items() if "\n" not in value)


def npm_files(environ: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Return where npm looks for its configuration, the weakest first (https://docs.npmjs.com/cli/configuring-npm/npmrc)."""
    settings = {name.lower(): value for name, value in environ.items()}
    shared = settings.get("npm_config_globalconfig")
    prefixes = [Path(shared)] if shared else [Path(folder) / "etc/npmrc" for folder in ("/", "/usr", "/usr/local")]
    return (*prefixes, Path(settings.get("npm_config_userconfig") or home / ".npmrc"))


def _index_options(text: str, environ: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        option, equals, value = (part.strip() for part in line.partition("="))
        if equals and not line.lstrip().startswith((";", "#")) and INDEX_OPTION.fullmatch(option):
            found[option] = VARIABLE.sub(lambda match: environ.get(match[1], match[0]), value.strip("\"'"))
    return found
