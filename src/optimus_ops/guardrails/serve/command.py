"""`invoke guardrails.serve`: the server over standard input and output, or over HTTP."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.guardrails.repository import open_repository

TOKEN_FILE = "guardrails/token"  # noqa: S105 - a file's name


def serve(*, http: bool, port: int, token_file: str) -> None:
    """Answer clients until they are gone, or until SIGINT or SIGTERM.

    Raises:
        MissingPrerequisite: the SDK is not installed.
        Refused: there is no policy, or the port or the token can't be used.
    """
    if find_spec("mcp") is None:
        raise MissingPrerequisite(
            "guardrails.serve needs mcp, which is not installed", "pip install 'optimus-ops[mcp]'"
        )
    if not http and token_file:
        raise Refused("--token-file is for --http", "a client that starts the server needs no token")
    # What is wrong with the policy is said at once, not to each call.
    repository = open_repository()
    if http:
        from optimus_ops.guardrails.serve.http import serve_http  # noqa: PLC0415 - it loads the SDK

        serve_http(port, Path(token_file) if token_file else None, repository.state / TOKEN_FILE)
    else:
        from optimus_ops.guardrails.serve.stdio import serve_stdio  # noqa: PLC0415 - as above

        serve_stdio()
