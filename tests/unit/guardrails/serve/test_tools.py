"""What clients get of the tools, resources and the prompt."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from mcp.types import TextContent
from tests.unit.guardrails.conftest import POLICY, Checkout
from tests.unit.guardrails.serve.conftest import OneCallClient

from optimus_ops.guardrails.command import write_baseline

WEB = "src/shop/web.py"
STORE = "src/shop/store.py"
UPWARDS = "from shop import web\n"


async def answer(client: OneCallClient, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    found: dict[str, Any] | None = result.structured_content
    assert found is not None
    return found


async def error(client: OneCallClient, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    (content,) = result.content
    assert isinstance(content, TextContent)
    return str(content.text)


def places(found: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(each["rule"], each["path"], each["line"]) for each in found["violations"]]


async def test_each_tool_says_what_it_takes_and_answers(client: OneCallClient) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {"list_rules", "rules_for_path", "check_diff", "check_files", "explain_rule"}
    assert all(tool.description and tool.output_schema for tool in tools.values())
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
    assert set(tools["check_files"].input_schema["$defs"]["FileToCheck"]["required"]) == {"path"}


async def test_rules_are_listed_and_those_of_a_file_that_is_not_there_yet(client: OneCallClient) -> None:
    assert [rule["id"] for rule in (await answer(client, "list_rules"))["rules"]] == [
        "layers",
        "no-sockets-in-store",
        "no-prints",
    ]
    found = await answer(client, "rules_for_path", path="src/shop/store/new.py")
    assert not found["exists"]
    assert [rule["id"] for rule in found["rules"]] == ["layers", "no-sockets-in-store", "no-prints"]
    assert found["rules"][1]["mend"] == "hand one in"
    assert (await answer(client, "rules_for_path", path=WEB))["exists"]


async def test_a_rule_is_explained_and_a_wrong_id_is_met_with_the_nearest_one(client: OneCallClient) -> None:
    assert (await answer(client, "explain_rule", rule="layers"))["why"] == "so that what is below can do without"
    assert (await answer(client, "explain_rule", rule="guardrails/waiver"))["kind"] == "engine"
    assert "did you mean no-prints?" in await error(client, "explain_rule", rule="no-print")


@pytest.mark.parametrize("path", ["../x.py", "/etc/passwd", "src/../../x.py", "a\0b.py", "a\nb.py", ".git/config", ""])
async def test_no_path_leads_out_of_the_repository(client: OneCallClient, path: str) -> None:
    for tool, arguments in (
        ("rules_for_path", {"path": path}),
        ("check_files", {"files": [{"path": path}]}),
        ("check_files", {"files": [{"path": path, "content": ""}]}),
    ):
        assert "a path inside of the repository is expected" in await error(client, tool, **arguments)


async def test_a_link_that_leads_out_of_the_repository_is_not_read(client: OneCallClient, checkout: Checkout) -> None:
    outside = checkout.root.parent / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("import socket\n")
    (checkout.root / "src/shop/link.py").symlink_to(outside / "secret.py")
    (checkout.root / "src/linked").symlink_to(outside)
    for path in ("src/shop/link.py", "src/linked/secret.py"):
        assert "no such file" in await error(client, "check_files", files=[{"path": path}])


async def test_files_are_judged_before_they_are_written(client: OneCallClient, checkout: Checkout) -> None:
    found = await answer(client, "check_files", files=[{"path": STORE, "content": UPWARDS}])
    assert found["status"] == "failed"
    assert places(found) == [("layers", STORE, 1)]
    assert found["violations"][0]["mend"] == "move it down"
    assert "^^^" in found["violations"][0]["frame"]
    assert (await answer(client, "check_files", files=[{"path": STORE}]))["status"] == "passed"
    assert UPWARDS not in (checkout.root / STORE).read_text()


async def test_files_that_only_together_break_a_rule_are_judged_together(client: OneCallClient) -> None:
    files = [{"path": "src/shop_tools.py", "content": "import shop.web\n"}]
    found = await answer(client, "check_files", files=files)
    assert places(found) == [("layers", "src/shop_tools.py", 1)]
    assert found["violations"][0]["detail"] == "shop.store → shop_tools → shop.web"
    files.append({"path": STORE, "content": "VALUE = 1\n"})
    assert (await answer(client, "check_files", files=files))["status"] == "passed"


async def test_waivers_and_the_baseline_hold_for_files(client: OneCallClient, checkout: Checkout) -> None:
    until = "until 2099-01-01: shown before there is a log"
    checkout.write(WEB, f"print(1)  # guardrails: allow no-prints {until}\nprint(2)\nprint(3)\n")
    checkout.write(
        "guardrails-baseline.yaml",
        f"entries:\n- {{rule: no-prints, path: {WEB}, text: print(2), owner: web, expires: 2099-01-01}}\n"
        f"- {{rule: no-prints, path: {STORE}, text: print(2), owner: web, expires: 2099-01-01}}\n",
    )
    found = await answer(client, "check_files", files=[{"path": WEB}])
    assert places(found) == [("no-prints", WEB, 3)]
    assert (found["waived"], found["baseline"]) == (1, 1)


async def test_a_known_chain_is_known_in_each_of_its_files(client: OneCallClient, checkout: Checkout) -> None:
    checkout.write("src/shop_tools.py", "import socket\n")
    write_baseline("platform", "2999-01-01")
    for path in (STORE, "src/shop_tools.py"):
        found = await answer(client, "check_files", files=[{"path": path}])
        assert (places(found), found["baseline"]) == ([], 1)


async def test_a_waiver_in_a_proposed_content_does_not_govern_it(client: OneCallClient, checkout: Checkout) -> None:
    waived = "print({})  # guardrails: allow no-prints until 2099-01-01: shown before there is a log\n"
    checkout.write(WEB, waived.format(1))
    proposed = {"path": WEB, "content": f"x = 1\n{waived.format(1)}{waived.format(2)}"}
    found = await answer(client, "check_files", files=[proposed])
    assert (places(found), found["waived"]) == ([("no-prints", WEB, 3)], 1)
    assert found["violations"][0]["notes"] == ["a waiver does not govern the change that adds it"]
    checkout.write("policy.yaml", f"{POLICY}same-change-waivers: true\n")
    assert (await answer(client, "check_files", files=[proposed]))["waived"] == 2


async def test_what_is_no_unicode_is_answered_with_escapes(client: OneCallClient, checkout: Checkout) -> None:
    texts = "{id: texts, kind: texts, files: [src/**/*.py], pattern: secret, message: m, why: w, mend: m}"
    checkout.write("policy.yaml", f"{POLICY}  - {texts}\n")
    checkout.write(os.fsdecode(b"src/shop/caf\xe9.py"), "print(1)\n")
    checkout.write("src/shop/half.py", 'TEXT = "secret \\ud800"\n')
    found = await answer(client, "check_diff")
    assert places(found) == [("no-prints", r'"src/shop/caf\udce9.py"', 1), ("texts", "src/shop/half.py", 1)]


async def test_a_diff_is_judged_whether_it_is_applied_or_not(client: OneCallClient, checkout: Checkout) -> None:
    before = (checkout.root / STORE).read_text()
    checkout.write(STORE, UPWARDS + before)
    diff = checkout.git("diff").decode()
    assert places(await answer(client, "check_diff", diff=diff)) == [("layers", STORE, 1)]
    checkout.write(STORE, before)
    assert places(await answer(client, "check_diff", diff=diff)) == [("layers", STORE, 1)]


async def test_without_a_diff_the_change_of_the_work_tree_is_judged(client: OneCallClient, checkout: Checkout) -> None:
    checkout.write("src/shop/new.py", "print(1)\n")
    assert places(await answer(client, "check_diff")) == [("no-prints", "src/shop/new.py", 1)]
    checkout.write("src/shop/new.py", "VALUE = 1\n")
    found = await answer(client, "check_diff", base="HEAD")
    assert (found["status"], found["next"]) == ("passed", "the rules are kept")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"diff": "hello"}, "no diff of git"),
        (
            {"diff": "diff --git a/../x b/../x\n--- a/../x\n+++ b/../x\n@@ -1 +1 @@\n-a\n+b\n"},
            "outside of the repository",
        ),
        ({"base": "--output=x"}, "a branch or a commit is expected"),
        ({"base": "no-such-branch"}, "no common history"),
    ],
)
async def test_what_can_not_be_judged_is_told(client: OneCallClient, arguments: dict[str, str], told: str) -> None:
    assert told in await error(client, "check_diff", **arguments)


async def test_arguments_of_another_shape_are_refused(client: OneCallClient) -> None:
    assert "validation error" in await error(client, "check_files", files=[])
    assert "validation error" in await error(client, "check_files", files="src")
    assert "validation error" in await error(client, "rules_for_path")


async def test_the_policy_is_read_anew_and_its_mistakes_are_told_with_their_place(
    client: OneCallClient, checkout: Checkout
) -> None:
    await answer(client, "list_rules")
    checkout.write("policy.yaml", POLICY.replace("kind: calls", "kind: call"))
    assert re.search(r"policy\.yaml:\d+:\d+: ", await error(client, "list_rules"))


async def test_a_long_answer_is_cut_and_says_so(client: OneCallClient) -> None:
    found = await answer(client, "check_files", files=[{"path": WEB, "content": "print(1)\n" * 150}])
    assert (len(found["violations"]), found["omitted"]) == (100, 50)


async def test_policy_schema_architecture_and_rules_are_resources(client: OneCallClient, checkout: Checkout) -> None:
    assert await client.read_text("guardrails://policy") == POLICY
    assert '"$schema"' in await client.read_text("guardrails://policy/schema")
    assert "why: logs are JSON" in await client.read_text("guardrails://rules/no-prints")
    assert "no docs/architecture.md" in await client.read_text("guardrails://architecture")
    checkout.write("docs/architecture.md", "# Layers\n")
    assert await client.read_text("guardrails://architecture") == "# Layers\n"
    assert "no rule 'x'" in await client.read_text("guardrails://rules/x")


async def test_the_prompt_has_the_rules_of_the_files_it_is_about(client: OneCallClient) -> None:
    prompt = await client.get_prompt("plan_change", {"goal": "sell books", "paths": f"{WEB}, tests/x.py"})
    (message,) = prompt.messages
    assert isinstance(message.content, TextContent)
    text = message.content.text
    assert "sell books" in text
    assert "- layers: imports point downwards. To keep it: move it down" in text
    assert "no-sockets-in-store" not in text
