"""Parsing SQL: where statements begin and end, what is shown of them, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.migrations.sql import SqlSyntaxError, statements

PIECES = st.sampled_from(
    [
        "SELECT 1",
        "SELECT ';'",
        "SELECT 'it''s; DROP TABLE t'",
        r"SELECT E'a\';b'",
        'ALTER TABLE "a;b" ADD COLUMN "DROP" text',
        "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)",
        "DO $$ BEGIN DROP TABLE t; END $$",
        "DO $body$ SELECT '$$'; $body$",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
        "COMMENT ON TABLE t IS '-- no comment /* at all'",
        "SELECT $1",
    ]
)
NOISE = st.sampled_from(["\n", "  ", "-- a; comment 'with' \"all\" $$\n", "/* one; /* within; */ another; ' */", ""])


@given(st.lists(st.tuples(NOISE, PIECES, NOISE)))
def test_each_statement_is_found_once_whatever_stands_around_it(parts: list[tuple[str, str, str]]) -> None:
    script = "".join(f"{before}{piece}{after};" for before, piece, after in parts)
    assert [statement.excerpt for statement in statements(script)] == [" ".join(piece.split()) for _, piece, _ in parts]


def lines_of(text: str) -> list[int]:
    """Return the line of each statement, or the one that is refused."""
    try:
        return [statement.line for statement in statements(text)]
    except SqlSyntaxError as error:
        return [error.line]


@given(st.text() | st.lists(NOISE | PIECES | st.sampled_from([";", "'", "$$", "\0", "/*", "ü"])).map("".join))
def test_any_text_is_read_to_its_end_or_refused_on_one_of_its_lines(text: str) -> None:
    lines = lines_of(text)
    assert lines == sorted(lines)
    assert set(lines) <= set(range(1, text.count("\n") + 2))


@given(st.lists(st.tuples(NOISE, PIECES, NOISE), min_size=1), st.text(alphabet="äß€\n"))
def test_places_are_counted_in_characters(parts: list[tuple[str, str, str]], before: str) -> None:
    script = f"/*{before}*/" + "".join(f"{noise}{piece}{after};" for noise, piece, after in parts)
    for statement, (_, piece, _) in zip(statements(script), parts, strict=True):
        assert script.startswith(piece, statement.start)


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("SELECT 1;\nthis is no SQL", 2),
        ("SELECT 'ä';\n\nSELECT 'never closed", 3),
        ("SELECT 1; /* never closed", 1),
        ("SELECT 1;\n\0DROP TABLE t", 2),
        ("SELECT " + "(" * 100_000, 1),
        ("SELECT " + "1 + " * 20_000 + "1", 1),
    ],
    ids=["words", "string", "comment", "null", "parentheses", "sum"],
)
def test_what_cannot_be_parsed_is_refused(script: str, line: int) -> None:
    with pytest.raises(SqlSyntaxError) as refused:
        statements(script)
    assert refused.value.line == line


def test_comments_and_lines_of_a_statement_are_not_shown() -> None:
    (statement,) = statements("ALTER TABLE t -- the 'old' one\n  DROP a, /* not /* b */ */ DROP \"--c\"")
    assert statement.excerpt == 'ALTER TABLE t DROP a, DROP "--c"'


@pytest.mark.parametrize(
    "secret", ["'hush'", "'hu''sh; '", r"E'hu\'sh'", "$$hush$$", "$x$hush$x$"], ids=["plain", "quote", "e", "$", "tag"]
)
def test_no_password_is_in_an_excerpt(secret: str) -> None:
    (statement,) = statements(f"ALTER ROLE app LOGIN PASSWORD {secret} VALID UNTIL 'infinity'")
    assert "ALTER ROLE app LOGIN PASSWORD" in statement.excerpt
    assert "hu" not in statement.excerpt
    assert "sh" not in statement.excerpt


def test_no_password_is_shown_behind_comments_in_comments() -> None:
    (statement,) = statements("/* 1 /* 2 /* 3 */ */ */ ALTER ROLE app PASSWORD 'hush'")
    assert "ALTER ROLE app PASSWORD" in statement.excerpt
    assert "hush" not in statement.excerpt


@pytest.mark.parametrize(
    "script",
    [
        "ALTER USER MAPPING FOR app SERVER other OPTIONS (SET password 'hush')",
        "CREATE SUBSCRIPTION s CONNECTION 'postgresql://app:hush@other/app' PUBLICATION p",
        "SELECT dblink('host=other password=hush')",
        "UPDATE users SET password_hash = 'hush'",
        "DO $$ BEGIN ALTER ROLE app PASSWORD 'hush'; END $$",
    ],
    ids=["option", "connection", "literal", "column", "body"],
)
def test_no_secret_is_in_an_excerpt_wherever_the_tree_has_it(script: str) -> None:
    (statement,) = statements(script)
    assert "hush" not in statement.excerpt


def test_a_comment_about_passwords_hides_nothing() -> None:
    (statement,) = statements("UPDATE users SET name = 'unknown' /* not the password */")
    assert statement.excerpt == "UPDATE users SET name = 'unknown'"


def test_a_long_statement_is_cut_off() -> None:
    (statement,) = statements("SELECT 1" + ", 1" * 200)
    assert len(statement.excerpt) == 120
