"""Reading SQL: where statements begin and end, and what is no keyword."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.migrations.sql import statements, without_comments

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


@given(st.text())
def test_any_text_is_read_to_its_end_and_nothing_moves(text: str) -> None:
    plain = without_comments(text)
    assert [at for at, character in enumerate(plain) if character == "\n"] == [
        at for at, character in enumerate(text) if character == "\n"
    ]
    for statement in statements(text):
        assert 0 <= statement.start < statement.end <= len(text)
        assert statement.line == text.count("\n", 0, statement.start) + 1


def test_a_comment_leaves_blanks_and_a_string_that_looks_like_one_stays() -> None:
    assert without_comments("a -- b\nc /* d */ '-- e'") == "a     \nc         '-- e'"


def test_a_quoted_name_and_a_string_are_no_keywords() -> None:
    (statement,) = statements("""SELECT "drop", 'table'""")
    assert "drop" not in statement.words
    assert "table" not in statement.words


@pytest.mark.parametrize(
    "secret", ["'hush'", "'hu''sh; '", r"E'hu\'sh'", "$$hush$$", "$x$hush$x$"], ids=["plain", "quote", "e", "$", "tag"]
)
def test_no_password_is_in_an_excerpt(secret: str) -> None:
    (statement,) = statements(f"ALTER ROLE app LOGIN PASSWORD {secret} VALID UNTIL 'infinity'")
    assert "ALTER ROLE app LOGIN PASSWORD" in statement.excerpt
    assert "hu" not in statement.excerpt
    assert "sh" not in statement.excerpt


def test_a_long_statement_is_cut_off() -> None:
    (statement,) = statements("SELECT " + "1, " * 200)
    assert len(statement.excerpt) == 120
