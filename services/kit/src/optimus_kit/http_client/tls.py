"""Which certificates are trusted: those of SSL_CERT_FILE or SSL_CERT_DIR (a private CA), else certifi's."""

import os
import ssl
from collections.abc import Mapping

import certifi


def trust(environ: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """Return what checks a server's certificate and name."""
    if file := environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    return ssl.create_default_context(cafile=certifi.where())
