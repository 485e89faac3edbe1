"""`invoke guardrails.*`: the rules of the architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from invoke.context import Context

JSON = "print one JSON document on standard output"
AUTHOR = "names of who made the change (@handle,address,@org/team), where owners may waive;"
REPORT = "write the report into this folder: Markdown, HTML, JSON, SARIF"


@task(
    help={
        "base": "judge what changed since the merge base with this branch or commit (main)",
        "head": "judge this commit instead of the work tree",
        "all": "judge all files, whatever they were before",
        "json": JSON,
        "report": REPORT,
        "author": f"{AUTHOR} by git without",
    },
)
def check(
    _: Context,
    base: str = "",
    head: str = "",
    all: bool = False,  # noqa: A002 - the flag's name
    json: bool = False,
    report: str = "",
    author: str = "",
) -> None:
    """Check the change since main, the work tree included, against policy.yaml."""
    from optimus_ops.guardrails.check import CheckRequest, check

    check(CheckRequest(base, head, all, json, report, author))


@task(name="validate-diff", help={"json": JSON, "report": REPORT, "author": f"{AUTHOR} nobody without"})
def validate_diff(_: Context, json: bool = False, report: str = "", author: str = "") -> None:
    """Check a diff of standard input: git diff main...HEAD | invoke guardrails.validate-diff."""
    from optimus_ops.guardrails.validate_diff import validate_diff

    validate_diff(as_json=json, report=report, author=author)


@task(
    help={"path": "the file that is to be written or changed; all rules without one", "json": JSON},
)
def rules(_: Context, path: str = "", json: bool = False) -> None:
    """List the rules, or those that hold for a file."""
    from optimus_ops.guardrails.command import show_rules

    show_rules(path, as_json=json)


@task(positional=("rule",), help={"rule": "id of the rule", "json": JSON})
def explain(_: Context, rule: str, json: bool = False) -> None:
    """Explain a rule: why there is one, how to mend what breaks it, examples."""
    from optimus_ops.guardrails.command import explain

    explain(rule, as_json=json)


@task(name="test", help={"json": JSON})
def try_examples(_: Context, json: bool = False) -> None:
    """Try each rule on its good and bad examples."""
    from optimus_ops.guardrails.command import show_examples

    show_examples(as_json=json)


@task(
    help={
        "owner": "who mends the violations that are new to the baseline",
        "until": "last day on which they are accepted, as 2027-06-30",
    },
)
def baseline(_: Context, owner: str = "", until: str = "") -> None:
    """Accept the violations that there are: guardrails-baseline.yaml, with owner and last day."""
    from optimus_ops.guardrails.command import write_baseline

    write_baseline(owner, until)


@task(
    help={
        "http": "over streamable HTTP on this machine's loopback, instead of standard input and output",
        "port": "port of --http; 0 takes a free one",
        "token-file": "file with the token that clients of --http show (.optimus/guardrails/token, made if missing)",
    },
)
def serve(_: Context, http: bool = False, port: int = 8765, token_file: str = "") -> None:
    """Answer editors and agents about the rules, as a server of the Model Context Protocol."""
    from optimus_ops.guardrails.serve.command import serve

    serve(http=http, port=port, token_file=token_file)
