"""The server: its tools, resources and prompt, with what clients are told of each."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.types import ToolAnnotations
from pydantic import Field

from optimus_ops.guardrails.serve import judging
from optimus_ops.guardrails.serve.asking import Asker
from optimus_ops.guardrails.serve.in_flight import InFlightLimit
from optimus_ops.guardrails.serve.results import CheckResult, ExplainedRule, FileToCheck, PathRules, RuleList

MOST_PATH = 4096
MOST_FILES = 500
READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
INSTRUCTIONS = (
    "The rules of this repository's architecture (policy.yaml). Before writing a file, ask rules_for_path; "
    "before it is kept, give check_files its content; when a change is done, call check_diff. "
    "A check that failed names place, reason and remedy of each violation: mend the code, not the policy."
)


@dataclass(frozen=True)
class Tools:
    """What clients can call."""

    asker: Asker

    async def list_rules(self) -> RuleList:
        """List all rules of the repository's policy: id, kind, severity, message."""
        return await self.asker.ask(judging.list_rules)

    async def rules_for_path(
        self,
        path: Annotated[str, Field(max_length=MOST_PATH, description="from the root, as src/package/module.py")],
    ) -> PathRules:
        """Tell which rules hold for a file, before it is written or changed; it need not exist."""
        return await self.asker.ask(judging.rules_for_path, path)

    async def explain_rule(
        self, rule: Annotated[str, Field(max_length=MOST_PATH, description="its id, as sql-in-stores")]
    ) -> ExplainedRule:
        """Explain a rule: why it is there, how to mend what breaks it, examples that keep and that break it."""
        return await self.asker.ask(judging.explain_rule, rule)

    async def check_diff(
        self,
        diff: Annotated[str, Field(description="as `git diff` writes it; empty: the work tree's change is taken")] = "",
        base: Annotated[
            str, Field(max_length=MOST_PATH, description="without a diff: what changed since it parted from here")
        ] = "main",
    ) -> CheckResult:
        """Judge a change: what only it adds is its fault, also chains of imports through files it doesn't touch.

        Without a diff, all that changed since the base is judged: commits, what is not committed, and new files.
        """
        return await self.asker.ask(judging.check_diff, diff, base)

    async def check_files(
        self, files: Annotated[list[FileToCheck], Field(min_length=1, max_length=MOST_FILES)]
    ) -> CheckResult:
        """Judge files as a whole: with a content as they would be, before they are written, else as they are."""
        return await self.asker.ask(judging.check_files, files)


@dataclass(frozen=True)
class Resources:
    """What clients can read."""

    asker: Asker

    async def policy(self) -> str:
        """Return policy.yaml: the rules, each with its reason, remedy and examples."""
        return await self.asker.ask(judging.policy_text)

    async def schema(self) -> str:
        """Return the JSON schema of policy.yaml."""
        return await self.asker.ask(judging.schema_text)

    async def architecture(self) -> str:
        """Return the page on the architecture that the rules hold: layers, and what each is for."""
        return await self.asker.ask(judging.architecture_text)

    async def rule(self, rule: str) -> str:
        """Return a rule's reason, remedy and examples, as text."""
        return await self.asker.ask(judging.explanation, rule)


@dataclass(frozen=True)
class Prompts:
    """What clients can offer to people."""

    asker: Asker

    async def plan_change(self, goal: str, paths: str = "") -> str:
        """Plan a change inside of the rules; `paths`: the files that it is about, with commas between them."""
        return await self.asker.ask(judging.plan_text, goal, paths)


def make_server(asker: Asker | None = None) -> MCPServer[Any]:
    """Return the server; it answers for the checkout that tasks work on."""
    asker = asker or Asker()
    tools, resources, prompts = Tools(asker), Resources(asker), Prompts(asker)
    server: MCPServer[Any] = MCPServer(
        "guardrails",
        title="Architecture guardrails",
        instructions=INSTRUCTIONS,
        version=_version(),
        log_level="WARNING",
        subscriptions=False,
        middleware=[InFlightLimit()],
    )
    for tool in (tools.list_rules, tools.rules_for_path, tools.check_files, tools.check_diff, tools.explain_rule):
        server.add_tool(tool, annotations=READS)
    for uri, read, kind in (
        ("guardrails://policy", resources.policy, "application/yaml"),
        ("guardrails://policy/schema", resources.schema, "application/schema+json"),
        ("guardrails://architecture", resources.architecture, "text/markdown"),
        ("guardrails://rules/{rule}", resources.rule, "text/plain"),
    ):
        server.resource(uri, mime_type=kind)(read)
    server.prompt(title="Plan a change inside the rules")(prompts.plan_change)
    return server


def _version() -> str:
    try:
        return version("optimus-ops")
    except PackageNotFoundError:
        # A checkout is not installed.
        return "0"
