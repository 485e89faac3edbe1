"""The environment of a scanner: how programs are found, and the network where it needs it; nothing else of the host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PROGRAMS = frozenset({"PATH", "TZ"})
NETWORK = frozenset(
    {
        *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("PIP_AUDIT_VULNERABILITY_SERVICE", "PIP_AUDIT_OSV_URL"),
        *("TRIVY_DB_REPOSITORY", "TRIVY_JAVA_DB_REPOSITORY"),
    }
)
ENGINE = frozenset({"DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"})


def scanner_environment(
    environ: Mapping[str, str], home: Path, root: Path, *, network: bool = False, engine: bool = False
) -> dict[str, str]:
    """Return the environment of a scanner whose home folder is a fresh one.

    Git takes the checkout although it may belong to somebody else: the scanner only reads it.
    """
    wanted = PROGRAMS | (NETWORK if network else frozenset()) | (ENGINE if engine else frozenset())
    return {
        **{name: value for name, value in environ.items() if name in wanted},
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": str(root),
    }
