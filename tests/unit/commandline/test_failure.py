from __future__ import annotations

import pytest

from optimus_ops.commandline.failure import document_of
from optimus_ops.engine.errors import EngineGone
from optimus_ops.errors import Interrupted, OpsError, Refused


@pytest.mark.parametrize(
    ("error", "result", "code"),
    [
        (OpsError("no", "do this"), "failed", 1),
        (Refused("no", "do this"), "refused", 2),
        (EngineGone("no"), "missing prerequisite", 3),
        (Interrupted(15), "interrupted", 143),
    ],
    ids=["failed", "refused", "prerequisite", "interrupted"],
)
def test_the_document_of_an_error_says_how_it_ended(error: OpsError | Interrupted, result: str, code: int) -> None:
    assert document_of(error) == {
        "result": result,
        "error": {"message": error.message, "hint": error.hint, "exit_code": code},
    }
