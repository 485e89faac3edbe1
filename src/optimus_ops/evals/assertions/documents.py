"""Assertions about answers that are JSON."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from unittest.mock import patch

from optimus_ops.evals.model import PASSED, Answer, JudgeTools, Score
from optimus_ops.project.yaml_nodes import Node

# Formats of addresses are not asserted: their grammars take three seconds of a core to build.
with patch.dict(sys.modules, {"rfc3987_syntax": None}):
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError, best_match

FENCE = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n\s*```\s*", re.DOTALL)


@dataclass(frozen=True)
class JsonSchema:
    """The answer is JSON, alone or as one fenced block, and valid by a schema (draft 2020-12)."""

    validator: Draft202012Validator

    @classmethod
    def parse(cls, node: Node) -> JsonSchema:
        """Read it from a suite; raise `YamlError` where it is no schema."""
        schema = node.plain()
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise node.error(f"not a JSON Schema: {error.message}") from error
        return cls(Draft202012Validator(schema))

    def judge(self, answer: Answer, _tools: JudgeTools) -> Score:
        """Return 1 or 0, and the worst fault."""
        fenced = FENCE.fullmatch(answer.text)
        try:
            document = json.loads(fenced.group(1) if fenced else answer.text)
        except (ValueError, RecursionError) as error:
            return Score(0.0, f"not JSON: {error}")
        fault = best_match(self.validator.iter_errors(document))
        return Score(0.0, f"{fault.json_path}: {fault.message}"[:200]) if fault else PASSED

    def __str__(self) -> str:
        return "is JSON by the schema"
