"""Reading files that others may have made: regular, and not larger than they can be."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from optimus_ops.errors import Refused

MOST_BYTES = 16 * 1024**2


def read_small(path: Path, what: str) -> bytes:
    """Return a file's content.

    Raises:
        Refused: there is none, it isn't a regular file, can't be read, or is too large.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(f"the {what} {path} can't be read: {error.strerror}", "name a file that is there") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refused(f"the {what} {path} is not a regular file", "name the file itself")
    with os.fdopen(descriptor, "rb") as stream:
        try:
            content = stream.read(MOST_BYTES + 1)
        except OSError as error:
            raise Refused(f"the {what} {path} can't be read: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise Refused(
            f"{path.name} is larger than {MOST_BYTES // 1024**2} MiB", f"that is no {what} of secrets: {path}"
        )
    return content
