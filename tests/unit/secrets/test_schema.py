"""`.env.example` as a schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts.secrets_reference import REFERENCE, reference
from tests.unit.repository import CHECKOUT
from tests.unit.secrets.samples import EXAMPLE

from optimus_ops.errors import Refused
from optimus_ops.secrets.dotenv import parse
from optimus_ops.secrets.entry import Entry, Generator, in_environment
from optimus_ops.secrets.families import expand
from optimus_ops.secrets.schema import parse_schema
from optimus_ops.secrets.validate import check_values
from optimus_ops.secrets.value import Secret
from optimus_ops.secrets.value_types import TYPES

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
    environments=st.lists(NAMES, unique=True, max_size=2).map(tuple),
    max_age=st.one_of(st.none(), st.integers(1, 9999)),
).flatmap(
    # A type goes with values that are given; what is required everywhere is not required somewhere.
    lambda entry: st.builds(
        replace,
        st.just(entry),
        type=st.just("text") if entry.generator else st.sampled_from(TYPES),
        required_in=st.just(() if entry.required else entry.environments[:1]),
        operator=st.just(not entry.readers),
    )
)


def written(entry: Entry) -> str:
    """Write an entry as it stands in a template."""
    decorators = [
        *([f"@generate={entry.generator.kind}({entry.generator.size})"] if entry.generator else []),
        *([f"@consumers={','.join(entry.consumers)}"] if entry.consumers else []),
        *([f"@redis-acl={','.join(entry.redis_acl)}"] if entry.redis_acl else []),
        *(["@required"] if entry.required else []),
        *(["@operator"] if entry.operator else []),
        *([f"@required-in={','.join(entry.required_in)}"] if entry.required_in else []),
        *([f"@environments={','.join(entry.environments)}"] if entry.environments else []),
        *([f"@type={entry.type}"] if entry.type != "text" else []),
        *([f"@max-age={entry.max_age}d"] if entry.max_age else []),
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
        ("# @environments=a,B\nKEY=\n", 2, "malformed environment name"),
        ("# @operator @consumers=web\nKEY=\n", 2, "exclude each other"),
        ("# @required @required-in=a\nKEY=\n", 2, "exclude each other"),
        ("# @environments=a @required-in=b\nKEY=\n", 2, "none of its @environments"),
        ("# @type=number\nKEY=\n", 2, "unknown type 'number'"),
        ("# @type=keys @generate=token(32)\nKEY=\n", 2, "no @type=keys"),
        ("# @max-age=90\nKEY=\n", 2, "no number of days"),
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


def test_an_environment_has_its_own_keys_and_requirements() -> None:
    text = "# @required-in=production\nA=\n\n# @environments=staging\nB=\n\n# @consumers=web\nC=\n"
    entries = expand(parse_schema(text, ".env.example"), [])

    assert {key: entry.required for key, entry in in_environment(entries, "production").items()} == {
        "A": True,
        "C": False,
    }
    assert list(in_environment(entries, "staging")) == ["A", "B", "C"]
    assert in_environment(entries, "") == entries


def checkout_entries() -> Mapping[str, Entry]:
    template = CHECKOUT / ".env.example"
    return expand(parse_schema(template.read_text("utf-8"), template.name), ["acme", "globex"])


def test_a_new_value_of_each_kind_of_this_checkout_matches_its_pattern_and_type() -> None:
    entries = checkout_entries()
    made = {key: entry.generator.new() for key, entry in entries.items() if entry.generator}

    assert {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "TENANT_ACME_API_KEY"} <= set(made)
    assert check_values({key: entries[key] for key in made}, made) == ()


def test_every_secret_of_this_checkout_is_described_and_has_a_reader_or_is_said_to_have_none() -> None:
    entries = checkout_entries()

    assert len(entries) >= 40
    assert [key for key, entry in entries.items() if not entry.description] == []
    assert [key for key, entry in entries.items() if bool(entry.readers) == entry.operator] == []


def test_the_keys_of_every_provider_in_the_model_catalogue_are_secrets_of_ai_engine_and_the_other_way_round() -> None:
    catalogue = parse_values((CHECKOUT / ".env.models").read_text("utf-8"))
    pools = {key for key, entry in checkout_entries().items() if entry.type == "keys"}

    assert {f"{name.upper()}_API_KEYS" for name in catalogue["PROVIDERS"].split(",")} == pools
    assert all(checkout_entries()[key].consumers == ("ai-engine",) for key in pools)


def parse_values(text: str) -> Mapping[str, str]:
    return {key: value.reveal() for key, value in parse(text, ".env.models").values.items()}


def test_a_key_of_any_form_is_taken_for_an_endpoint_that_may_use_any() -> None:
    entries = checkout_entries()
    pools = [key for key, entry in entries.items() if entry.type == "keys"]

    assert pools
    for key in pools:
        assert check_values({key: entries[key]}, {key: Secret("local.key/with=any+form,second")}) == ()


def test_the_reference_of_this_checkout_is_that_of_its_template() -> None:
    made = reference(CHECKOUT)
    assert REFERENCE.read_text("utf-8") == made, "run: .venv/bin/python -m scripts.secrets_reference"
