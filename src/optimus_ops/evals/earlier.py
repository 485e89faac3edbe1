"""Documents of earlier runs, to be compared with one another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimus_ops.errors import Refused
from optimus_ops.evals.collect import Collected
from optimus_ops.evals.document import SCHEMA
from optimus_ops.evals.model import Answer

MOST_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class EarlierSuite:
    """The scores of a suite's cases in one run, by metric and case: those of the candidate's first stage.

    Args:
        answers: the first answer to each case.
        collected: all answers to each case, or why there is none.
    """

    name: str
    digest: str
    clusters: Mapping[str, str]
    scores: Mapping[str, Mapping[str, tuple[float, ...]]]
    answers: Mapping[str, str]
    collected: Mapping[str, tuple[Collected, ...]]


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """A run, and when it ended, in seconds since the epoch."""

    file: str
    model: str
    at: float
    suites: tuple[EarlierSuite, ...]


def read_run(path: Path) -> EarlierRun:
    """Read the document of a run: a file, or the folder of its report.

    Raises:
        Refused: it is none.
    """
    file = path / "llm-eval.json" if path.is_dir() else path
    try:
        if file.stat().st_size > MOST_BYTES:
            raise Refused(f"{file}: more than {MOST_BYTES:,} bytes")
        found = json.loads(file.read_text("utf-8"))
        if found["schema"] != SCHEMA:
            raise Refused(f"{file}: of another version of this library")
        at = float(found.get("at") or file.stat().st_mtime)
        return EarlierRun(str(file), str(found["model"]), at, tuple(map(_suite, found["suites"])))
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file}: can't be read: {error}") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Refused(f"{file}: no document of llm-eval") from error


def runs_of(folder: Path) -> Sequence[EarlierRun]:
    """Return the runs of a folder, the oldest first; what is no document of one is left out."""
    return sorted(_readable(folder), key=lambda run: run.at)


def _readable(folder: Path) -> Iterator[EarlierRun]:
    for file in sorted(folder.rglob("*.json")):
        try:
            yield read_run(file)
        except Refused:
            continue


def _suite(found: Any) -> EarlierSuite:
    scores: dict[str, dict[str, tuple[float, ...]]] = {}
    clusters, answers, collected = {}, dict[str, str](), {}
    for case in found["cases"]:
        if case["stage"] != 1:
            continue
        clusters[case["id"]] = str(case["cluster"])
        collected[case["id"]] = tuple(map(_collected, case["candidate"]))
        for judged in case["candidate"]:
            answers.setdefault(case["id"], str(judged.get("text", "")))
            for metric, score in judged.get("scores", {}).items():
                of_metric = scores.setdefault(metric, {})
                of_metric[case["id"]] = (*of_metric.get(case["id"], ()), float(score))
    return EarlierSuite(str(found["suite"]), str(found["digest"]), clusters, scores, answers, collected)


def _collected(found: Any) -> Collected:
    if "text" not in found:
        return Collected(None, str(found["error"]))
    read, written = map(int, found["tokens"])
    # As of any answer that is kept, the time that it took says nothing about now.
    answer = Answer(
        str(found["text"]),
        str(found["finish_reason"]),
        read,
        written,
        None,
        found["cost"],
        str(found["prompt_version"]),
    )
    return Collected(answer, cached=True)
