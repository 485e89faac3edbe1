"""`invoke evals.add`: a case from a conversation that really was, by the content that its trace has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimus_ops.errors import Refused
from optimus_ops.evals.platform import EvalPlatform, load_platform
from optimus_ops.evals.redact import BY_HAND, Redaction
from optimus_ops.evals.suite_file import LINES, parse_lines, suite_files
from optimus_ops.project.settings import load_project
from optimus_ops.system.atomic_write import atomic_write
from optimus_ops.text.console import Console
from optimus_ops.traces.model import Trace
from optimus_ops.traces.show import ShowRequest, find_trace

INPUT = "gen_ai.input.messages"
"""https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/"""
VERSION = "optimus.prompt.version"
CUT_CHARACTERS = 1024
"""A message of that length may have been longer: services keep so much of one."""
ROLES = frozenset({"user", "assistant"})
CONTENT = "services keep what is said only with OTEL_CAPTURE_CONTENT=true; ask again then, or write the case by hand"


@dataclass(frozen=True, slots=True)
class AddRequest:
    """Which trace, for which suite, why, and what the answer has to say."""

    trace: str
    suite: str
    reason: str
    expected: tuple[str, ...]
    tempo: str = ""


def add_case(request: AddRequest) -> None:
    """Add a redacted case to a suite of JSON lines, which is made where it is missing.

    Raises:
        Refused: the trace has no whole conversation, something in it can't be redacted, or the suite has the case.
        OpsError: there is no such trace.
    """
    if not request.reason.strip() or not request.expected:
        raise Refused("a case needs a reason and what its answer has to say", "--reason TEXT --expect TEXT")
    project = load_project()
    platform = load_platform(project)
    _, _, trace = find_trace(ShowRequest(request.trace, tempo=request.tempo))
    keep_case(trace, request, platform, project.root)


def keep_case(trace: Trace, request: AddRequest, platform: EvalPlatform, root: Path) -> None:
    """Add the case of a trace; `add_case` says what is raised."""
    path = platform.suites / f"{request.suite}{LINES}"
    if path.parent != platform.suites or suite_files(platform.suites).get(request.suite, path) != path:
        raise Refused(f"--suite {request.suite}: a suite of JSON lines is wanted", "name another one")
    redaction = Redaction(platform.private_names)
    case = case_of(trace, request, redaction)
    before = path.read_text("utf-8") if path.is_file() else ""
    text = f"{before.rstrip()}\n{json.dumps(case, ensure_ascii=False)}\n".lstrip("\n")
    # Read as any suite is: what would be refused later is refused now.
    parse_lines(text, str(path.relative_to(root)), request.suite)
    atomic_write(path, text, 0o644)
    _tell(path.relative_to(root), case, redaction)


def case_of(trace: Trace, request: AddRequest, redaction: Redaction) -> dict[str, Any]:
    """Return the case of a trace's last conversation.

    Raises:
        Refused: it has none, or none that is whole, or one that can't be redacted.
    """
    said = next((found for span in reversed(trace.spans) if (found := span.attributes.get(INPUT))), None)
    if said is None:
        raise Refused(f"the trace {trace.trace_id} has nothing of what was said", CONTENT)
    messages = list(_messages(str(said)))
    if any(len(text) >= CUT_CHARACTERS for _, text in messages):
        raise Refused(f"the trace {trace.trace_id} has parts of long messages alone", BY_HAND)
    if not messages or messages[-1][0] != "user":
        raise Refused(f"the trace {trace.trace_id} has no conversation that a user ends", BY_HAND)
    return {
        "id": f"trace-{trace.trace_id[:16]}",
        "reason": request.reason,
        **_prompt(trace),
        "source": "production",
        "messages": [{role: redaction.redact(text)} for role, text in messages],
        "assert": [{"contains": text} for text in request.expected],
    }


def _messages(text: str) -> Iterator[tuple[str, str]]:
    """Give role and text of each message but the system's, whose prompt is rendered anew."""
    try:
        for each in json.loads(text):
            role, content = each["role"], each["content"]
            if role in ROLES:
                yield role, str(content)
    except (ValueError, LookupError, TypeError) as error:
        raise Refused("what was said can't be read: the trace is cut, or of another version", CONTENT) from error


def _prompt(trace: Trace) -> Mapping[str, str]:
    """Return prompt and locale by the version that a span names: `answer-message/pt-BR@1130eb2a1be6`."""
    versions: Sequence[str] = [str(found) for span in trace.spans if (found := span.attributes.get(VERSION))]
    name, _, rest = (versions[0].split()[0] if versions else "").partition("/")
    locale = rest.partition("@")[0].rpartition("/")[2]
    return {key: value for key, value in (("prompt", name), ("locale", locale)) if value}


def _tell(path: Path, case: Mapping[str, Any], redaction: Redaction) -> None:
    console = Console.standard()
    console.say(f"wrote {path}: {case['id']}, {len(case['messages'])} messages")
    found = ", ".join(f"{count} {kind}" for kind, count in sorted(redaction.counts.items())) or "nothing"
    console.say(f"redacted: {found}; the system's prompt and its data are left out: name the variables")
    console.say("read it before it is committed: names of people and addresses are not recognised")
