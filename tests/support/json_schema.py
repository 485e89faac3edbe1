"""Checking against a JSON Schema, without what takes longest to import of the library."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

# Formats of addresses are not asserted: their grammars take three seconds of a core to build, in each worker.
with patch.dict(sys.modules, {"rfc3987_syntax": None}):
    from jsonschema import Draft202012Validator


def schema_errors(schema: Path, document: Any) -> list[str]:
    """Return what is wrong with a document by a schema's file."""
    validator = Draft202012Validator(json.loads(schema.read_text("utf-8")))
    return [error.message for error in validator.iter_errors(document)]
