"""The names that GitHub shows for jobs, and the labels of their runners, in the combinations of a matrix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimus_ops.ci.model import Combination, Job

MATRIX_VALUE = re.compile(r"\$\{\{\s*matrix\.([A-Za-z_][\w-]*)\s*\}\}")


def runner_labels(job: Job) -> tuple[str, ...]:
    """Return the labels of a job's runners in all combinations."""
    return tuple(
        dict.fromkeys(
            with_matrix(label, values) for values in job.matrix.combinations or ({},) for label in job.runs_on
        )
    )


def job_title(job: Job, values: Combination) -> str:
    """Return the name that GitHub shows for a job in a combination."""
    if job.name:
        return with_matrix(job.name, values)
    return f"{job.id} ({', '.join(value_text(value) for value in values.values())})" if values else job.id


def with_matrix(text: str, values: Combination) -> str:
    """Put the values of a combination in place of `${{ matrix.name }}`; other expressions stay."""
    return MATRIX_VALUE.sub(lambda found: value_text(values[found[1]]) if found[1] in values else found[0], text)


def value_text(value: Any) -> str:
    """Return a value as GitHub writes it into a text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(value_text(part) for part in value.values())
    return "" if value is None else str(value)
