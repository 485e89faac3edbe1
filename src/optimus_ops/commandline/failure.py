"""How a task that did not end well tells it: one message, the documented exit code, and a JSON document where asked."""

from __future__ import annotations

import errno
import signal
from typing import Any

from invoke.exceptions import Exit

from optimus_ops.errors import Interrupted, OpsError
from optimus_ops.system.output_masking import masked, masked_document
from optimus_ops.text.console import print_json


def exit_of(error: OpsError | Interrupted, *, as_json: bool) -> Exit:
    """Return what ends the process with an error's message and exit code; as a document where that is wanted."""
    if as_json:
        print_json(document_of(error))
    if isinstance(error, Interrupted):
        return Exit(f"\n{error.word}: {error.message}", code=error.exit_code)
    return Exit(masked(f"{error.word}: {error}"), code=error.exit_code)


def document_of(error: OpsError | Interrupted) -> dict[str, Any]:
    """Return the JSON document of an error: how it ended, what is wrong and what to do."""
    facts = {"message": error.message, "hint": error.hint, "exit_code": error.exit_code}
    return masked_document({"result": error.word, "error": facts})


def interrupted(error: KeyboardInterrupt) -> Interrupted:
    """Return which signal an interruption came from; Ctrl-C where Python does not tell."""
    return error if isinstance(error, Interrupted) else Interrupted(signal.SIGINT)


def os_failure(error: OSError) -> OpsError:
    """Return an operating system's error as one of ours: what it is about, and the system's words."""
    what = error.strerror or str(error)
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        hint = "take a folder that you can write: OPTIMUS_STATE_DIR (state), OPTIMUS_SECRETS_FILE (secrets)"
        return OpsError(f"no permission for {error.filename}: {what}", hint)
    return OpsError(f"{error.filename}: {what}" if error.filename else what)
