"""`.env.example` as a schema."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.secrets.samples import EXAMPLE

from optimus_ops.errors import Refused
from optimus_ops.secrets.schema import Entry, Generator, expand, parse_schema

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
WORDS = st.text("abcdefghijklmnopqrstuvwxyz .", min_size=1, max_size=20).map(str.strip).filter(bool)
ENTRIES = st.builds(
    Entry,
    key=st.from_regex(r"[A-Z][A-Z0-9_]{0,12}", fullmatch=True),
    description=st.lists(WORDS, max_size=2).map(tuple),
    generator=st.one_of(st.none(), st.builds(Generator, st.sampled_from(["token", "hex"]), st.integers(16, 128))),
    consumers=st.lists(NAMES, unique=True, max_size=3).map(tuple),
    redis_acl=st.lists(NAMES, unique=True, max_size=2).map(tuple),
    required=st.booleans(),
)


def written(entry: Entry) -> str:
    """Write an entry as it stands in a template."""
    decorators = [
        *([f"@generate={entry.generator.kind}({entry.generator.size})"] if entry.generator else []),
        *([f"@consumers={','.join(entry.consumers)}"] if entry.consumers else []),
        *([f"@redis-acl={','.join(entry.redis_acl)}"] if entry.redis_acl else []),
        *(["@required"] if entry.required else []),
    ]
    lines = [*(f"# {line}" for line in entry.description), *(f"# {word}" for word in decorators), f"{entry.key}=", ""]
    return "\n".join(lines) + "\n"


@given(st.lists(ENTRIES, unique_by=lambda entry: entry.key, max_size=5))
def test_a_written_schema_is_read_back(entries: list[Entry]) -> None:
    assert parse_schema("".join(map(written, entries)), ".env.example").entries == tuple(entries)


@given(st.text("@#=*ABab(),\n 1", max_size=80))
def test_any_text_is_read_or_refused_with_a_line(text: str) -> None:
    try:
        parse_schema(text, ".env.example")
        said = ""
    except Refused as refused:
        said = refused.message
    assert not said or ".env.example, line " in said


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("# @generate=token(32)\n\nKEY=\n", 1, "decorators without a key"),
        ("KEY=\n# @required\n", 2, "decorators without a key"),
        ("# @secret\nKEY=\n", 1, "unknown decorator @secret"),
        ("# @required=yes\nKEY=\n", 1, "takes no value"),
        ("# @generate\nKEY=\n", 1, "needs a value"),
        ("# @required @required\nKEY=\n", 1, "twice"),
        ("# @required now\nKEY=\n", 1, "malformed decorator"),
        ("# @generate=token(8)\nKEY=\n", 2, "unknown generator"),
        ("# @generate=uuid\nKEY=\n", 2, "unknown generator"),
        ("# @generate=token(32)\nKEY=admin\n", 2, "must be empty"),
        ("# @consumers=a,B\nKEY=\n", 2, "malformed service name"),
        ("# @consumers=a,a\nKEY=\n", 2, "named twice"),
        ("# @pattern=[\nKEY=\n", 2, "not a regular expression"),
        ("KEY=\nKEY=\n", 2, "twice"),
        ("just text\n", 1, "expected KEY=value"),
        ("key=\n", 1, "malformed name"),
    ],
)
def test_a_mistake_is_refused_with_its_line(text: str, line: int, word: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_schema(text, ".env.example")

    assert f".env.example, line {line}:" in refused.value.message
    assert word in refused.value.message


def test_a_family_has_a_member_for_each_tenant_with_its_name_in_the_description() -> None:
    entries = expand(parse_schema(EXAMPLE, ".env.example"), ["acme", "globex-labs"])

    assert [key for key in entries if key.startswith("TENANT_")] == [
        "TENANT_ACME_API_KEY",
        "TENANT_GLOBEX_LABS_API_KEY",
    ]
    assert entries["TENANT_ACME_API_KEY"].description == ("API key of tenant acme.",)
    assert entries["TENANT_ACME_API_KEY"].consumers == ("ai-engine", "backend-orchestrator")


def test_tenants_that_would_share_a_key_are_refused() -> None:
    with pytest.raises(Refused, match="a-b and a_b would share TENANT_A_B_API_KEY"):
        expand(parse_schema(EXAMPLE, ".env.example"), ["a-b", "a_b"])


def test_an_entry_of_its_own_wins_over_the_family() -> None:
    schema = parse_schema("# @consumers=a\nT_*_K=\n\n# @consumers=b\nT_X_K=\n", ".env.example")

    assert expand(schema, ["x", "y"])["T_X_K"].consumers == ("b",)
    assert expand(schema, ["x", "y"])["T_Y_K"].consumers == ("a",)


def test_this_checkout_s_template_is_read_and_a_new_value_of_each_kind_matches_its_pattern() -> None:
    template = Path(__file__).parents[3] / ".env.example"
    entries = expand(parse_schema(template.read_text("utf-8"), template.name), ["acme"])

    made = {key: entry.generator.new().reveal() for key, entry in entries.items() if entry.generator}

    assert {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "TENANT_ACME_API_KEY"} <= set(made)
    assert all(entry.consumers for entry in entries.values())
    assert [key for key, value in made.items() if (p := entries[key].pattern) and not p.fullmatch(value)] == []
