"""What a token may not do, as an error with the permission that is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from optimus_ops.errors import OpsError


@contextmanager
def translated() -> Iterator[None]:
    """Turn a refusal of GitHub into an error with a hint."""
    try:
        yield
    except PermissionError as error:
        raise OpsError(
            f"the token may not do that: {error}", "permissions: contents: write; GITHUB_TOKEN in env"
        ) from error
