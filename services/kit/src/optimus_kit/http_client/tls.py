"""Which certificates are trusted: those of SSL_CERT_FILE or SSL_CERT_DIR (a private CA), else certifi's."""

import logging
import os
import ssl
from collections.abc import Mapping

import certifi

from optimus_kit.http_client.errors import ConnectError

log = logging.getLogger("optimus_kit.http_client")


def trust(environ: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """Return what checks a server's certificate and name.

    Raises:
        ConnectError: the file cannot be used; the log says why.
    """
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    try:
        if folder and not file:
            return ssl.create_default_context(capath=folder)
        return ssl.create_default_context(cafile=file or certifi.where())
    except OSError as error:
        log.error("SSL_CERT_FILE cannot be used, so no server is trusted: %s", error)  # noqa: TRY400 - no traceback
        raise ConnectError("no certificates to trust") from None
