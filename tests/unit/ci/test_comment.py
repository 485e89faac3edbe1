"""One comment of a pull request, kept up to date, on a server that answers as GitHub does."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from optimus_ops.ci.comment import MOST_CHARACTERS, comment, comment_text
from optimus_ops.errors import OpsError, Refused


@dataclass
class GitHub:
    """Comments of pull request 7; `refusal` is answered to whoever writes."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    refusal: int = 0
    tokens: set[str] = field(default_factory=set)
    url: str = ""


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    state = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def answer(self, document: object, status: int = 200) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def body(self) -> str:
            state.tokens.add(self.headers["Authorization"] or "")
            return str(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"])

        def do_GET(self) -> None:
            page = int(self.path.rpartition("page=")[2])
            assert self.path.startswith("/repos/o/r/issues/7/comments?per_page=100")
            self.answer(state.comments[(page - 1) * 100 : page * 100])

        def do_POST(self) -> None:
            text = self.body()
            if state.refusal:
                return self.answer({}, state.refusal)
            state.comments.append({"id": len(state.comments), "body": text, "html_url": "https://x/new"})
            return self.answer(state.comments[-1], 201)

        def do_PATCH(self) -> None:
            found = state.comments[int(self.path.rpartition("/")[2])]
            found["body"] = self.body()
            self.answer({**found, "html_url": "https://x/changed"})

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        state.url = f"http://127.0.0.1:{server.server_port}"
        (tmp_path / "event.json").write_text('{"pull_request": {"number": 7}}')
        for name, value in {
            "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
            "GITHUB_REPOSITORY": "o/r",
            "GITHUB_API_URL": state.url,
            "GITHUB_TOKEN": "t0ken",
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        }.items():
            monkeypatch.setenv(name, value)
        (tmp_path / "plan.md").write_text("## Plan\n")
        monkeypatch.chdir(tmp_path)
        yield state
        server.shutdown()


def test_the_first_time_writes_and_the_next_one_changes(github: GitHub) -> None:
    github.comments = [{"id": number, "body": "of others", "html_url": ""} for number in range(150)]
    assert comment("plan.md", "deploy-plan") == "commented: https://x/new"
    Path("plan.md").write_text("## Another\n")
    assert comment("plan.md", "deploy-plan") == "commented: https://x/changed"
    assert [found["body"] for found in github.comments[150:]] == ["<!-- deploy-plan -->\n## Another\n"]
    assert github.tokens == {"Bearer t0ken"}


def test_another_marker_is_another_comment(github: GitHub) -> None:
    comment("plan.md", "a")
    comment("plan.md", "b")
    assert [found["body"].partition("\n")[0] for found in github.comments] == ["<!-- a -->", "<!-- b -->"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_token_that_may_not_write_leaves_the_text_in_the_summary(github: GitHub, status: int) -> None:
    github.refusal = status
    assert "summary" in comment("plan.md", "a")
    assert Path("summary").read_text() == "## Plan\n\n"


def test_without_a_token_nobody_is_asked(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "")
    assert "summary" in comment("plan.md", "a")
    assert Path("summary").read_text() == "## Plan\n\n"
    assert github.tokens == set()


def test_a_folder_s_reports_are_one_comment(github: GitHub) -> None:
    Path("plans").mkdir()
    for name in ("up.md", "deploy.md", "deploy.json"):
        (Path("plans") / name).write_text(f"{name}\n")
    comment("plans", "a")
    assert [found["body"] for found in github.comments] == ["<!-- a -->\ndeploy.md\n\nup.md\n"]
    Path("empty").mkdir()
    with pytest.raises(Refused, match="no Markdown files"):
        comment("empty", "a")


def test_without_a_summary_that_is_an_error(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    github.refusal = 403
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    with pytest.raises(OpsError, match="the token may not comment: 403") as raised:
        comment("plan.md", "a")
    assert "t0ken" not in str(raised.value)


def test_what_else_github_answers_is_an_error(github: GitHub) -> None:
    github.refusal = 500
    with pytest.raises(OpsError, match="GitHub answers 500"):
        comment("plan.md", "a")


def test_a_long_text_is_cut_to_what_github_takes() -> None:
    text = comment_text("a", "x" * MOST_CHARACTERS)
    assert len(text) == MOST_CHARACTERS
    assert text.endswith("(cut: the whole text is in the run's artifacts)\n")


@pytest.mark.usefixtures("github")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"file": "none.md"}, "none.md can't be read"),
        ({"marker": "a--b"}, "bad marker"),
        ({"event": "{}"}, "no pull request to comment on"),
        ({"event": "["}, "the event can't be read"),
        ({"api": "http://api.example"}, "through https only"),
    ],
)
def test_what_can_not_be_used_is_refused(change: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "event" in change:
        Path("event.json").write_text(change["event"])
    if "api" in change:
        monkeypatch.setenv("GITHUB_API_URL", change["api"])
    with pytest.raises(Refused, match=message):
        comment(change.get("file", "plan.md"), change.get("marker", "a"))


def test_what_is_resolved_is_said_in_the_comment_that_is_there(github: GitHub) -> None:
    comment("plan.md", "guardrails")
    assert comment("plan.md", "guardrails", resolved=True) == "commented: https://x/changed"
    (found,) = github.comments
    assert found["body"].startswith("<!-- guardrails -->\n**Resolved:**")
    comment("plan.md", "guardrails")
    assert "Resolved" not in github.comments[0]["body"]


def test_what_is_resolved_needs_no_comment(github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no comment" in comment("plan.md", "guardrails", resolved=True)
    monkeypatch.setenv("GITHUB_TOKEN", "")
    assert "may not comment" in comment("plan.md", "guardrails", resolved=True)
    assert github.comments == []
    assert not (tmp_path / "summary").exists()
