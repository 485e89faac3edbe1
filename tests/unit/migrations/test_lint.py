"""Judging migrations: what takes away or blocks what the running version uses, and what only adds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_engine.migrate import sql_between
from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.migrations import squawk
from optimus_ops.migrations.lint import check_expand_only, findings

HARMLESS = (
    "CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint REFERENCES customers (id), price int)",
    "CREATE TABLE shop.events_2 PARTITION OF shop.events FOR VALUES IN (2)",
    "CREATE SCHEMA archive",
    "CREATE VIEW totals AS SELECT 1",
    "CREATE TYPE mood AS ENUM ('good', 'bad')",
    "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE EXTENSION IF NOT EXISTS vector",
    "CREATE ROLE reader NOLOGIN",
    "ALTER TABLE users ADD COLUMN note varchar(20)",
    "ALTER TABLE users ADD COLUMN IF NOT EXISTS seen timestamp NOT NULL DEFAULT now()",
    "ALTER TABLE users ALTER COLUMN note SET DEFAULT 'x', ALTER COLUMN note SET STATISTICS 500",
    "ALTER TABLE users SET (fillfactor = 80)",
    "ALTER TABLE users ADD CONSTRAINT adult CHECK (age >= 18) NOT VALID",
    "ALTER TABLE users ADD CONSTRAINT home FOREIGN KEY (home) REFERENCES homes (id) NOT VALID",
    "ALTER TABLE users ADD CONSTRAINT once UNIQUE USING INDEX users_once",
    "ALTER TABLE users VALIDATE CONSTRAINT grown_up",
    "ALTER TYPE colour ADD VALUE 'red'",
    "CREATE INDEX CONCURRENTLY users_note ON users (note)",
    "CREATE UNIQUE INDEX CONCURRENTLY users_once ON users (name)",
    "CREATE INDEX events_at ON ONLY events (at)",
    "ALTER INDEX events_at ATTACH PARTITION events_1_at",
    "INSERT INTO settings (name) VALUES ('x') ON CONFLICT (name) DO UPDATE SET name = 'x'",
    "UPDATE users SET note = '' WHERE id BETWEEN 1 AND 1000",
    "DELETE FROM sessions WHERE ended < now()",
    "WITH old AS (DELETE FROM sessions WHERE ended RETURNING id) INSERT INTO gone SELECT id FROM old",
    "GRANT SELECT, UPDATE, DELETE ON users TO reader",
    "COMMENT ON TABLE users IS 'DROP TABLE users'",
    "SELECT setval('users_id', 1000)",
)

HARMFUL = {
    "DROP TABLE users": "ban-drop-table",
    "DROP TABLE IF EXISTS shop.users CASCADE": "ban-drop-table",
    "DROP SCHEMA shop CASCADE": "ban-drop-schema",
    "DROP VIEW totals": "ban-drop-view",
    "DROP MATERIALIZED VIEW totals": "ban-drop-view",
    "DROP FUNCTION one(int)": "ban-drop-function",
    "DROP TYPE mood": "ban-drop-type",
    "DROP TRIGGER audit ON users": "ban-drop-trigger",
    "DROP POLICY own ON users": "ban-drop-policy",
    "DROP SEQUENCE numbers": "ban-drop-sequence",
    "DROP EXTENSION vector": "ban-drop-extension",
    "DROP INDEX CONCURRENTLY users_name": "ban-drop-index",
    "DROP SERVER other": "drop",
    "ALTER TABLE users DROP COLUMN name": "ban-drop-column",
    "ALTER TABLE users ADD COLUMN a int, DROP name": "ban-drop-column",
    "ALTER TABLE users DROP CONSTRAINT home": "ban-drop-constraint",
    "ALTER TABLE users ALTER COLUMN name DROP DEFAULT": "ban-drop-default",
    "ALTER TABLE users ALTER COLUMN name DROP NOT NULL": "ban-drop-not-null",
    "ALTER TABLE users RENAME TO people": "renaming-table",
    "ALTER TABLE users RENAME name TO called": "renaming-column",
    "ALTER VIEW totals RENAME TO sums": "renaming-object",
    "ALTER SCHEMA shop RENAME TO store": "renaming-object",
    "ALTER TYPE mood RENAME VALUE 'good' TO 'fine'": "renaming-object",
    "ALTER TABLE users SET SCHEMA archive": "ban-set-schema",
    "ALTER TABLE users ALTER COLUMN age TYPE bigint": "changing-column-type",
    "ALTER TABLE users ALTER COLUMN age SET NOT NULL": "adding-not-nullable-field",
    "ALTER TABLE users ADD COLUMN age int NOT NULL": "adding-required-field",
    "ALTER TABLE users ADD COLUMN key uuid DEFAULT gen_random_uuid()": "adding-field-with-default",
    "ALTER TABLE users ADD COLUMN number bigserial": "table-rewrite",
    "ALTER TABLE users ADD COLUMN age int CHECK (age > 0)": "checked-column",
    "ALTER TABLE users ADD COLUMN home int REFERENCES homes (id)": "adding-foreign-key-constraint",
    "ALTER TABLE users ADD CHECK (age > 0)": "constraint-missing-not-valid",
    "ALTER TABLE users ADD CONSTRAINT once UNIQUE (name)": "disallowed-unique-constraint",
    "ALTER TABLE users ADD PRIMARY KEY (id)": "adding-serial-primary-key-field",
    "ALTER TABLE users SET TABLESPACE slow": "table-rewrite",
    "ALTER TABLE users SET UNLOGGED": "table-rewrite",
    "ALTER TABLE users INHERIT people": "unjudged",
    "ALTER TABLE users DISABLE ROW LEVEL SECURITY": "ban-alter-row-level-security",
    "ALTER TABLE users FORCE ROW LEVEL SECURITY": "ban-alter-row-level-security",
    "ALTER TABLE users DISABLE TRIGGER ALL": "ban-disable-trigger",
    "ALTER TABLE events DETACH PARTITION events_1": "require-concurrent-partition-detach",
    "ALTER TABLE events ATTACH PARTITION events_1 DEFAULT": "blocking-lock",
    "ALTER TABLE users OWNER TO somebody": "ban-revoke",
    "ALTER ROLE app NOLOGIN": "ban-alter-role-options",
    "REVOKE SELECT ON users FROM app": "ban-revoke",
    "CREATE INDEX users_age ON users (age)": "require-concurrent-index-creation",
    "CREATE INDEX ON users (age)": "require-concurrent-index-creation",
    "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 2'": "ban-replace-view-function",
    "CREATE POLICY own ON users USING (true)": "ban-create-policy",
    "CREATE TRIGGER audit BEFORE INSERT ON users EXECUTE FUNCTION one()": "new-trigger",
    "REINDEX TABLE users": "require-concurrent-reindex",
    "REFRESH MATERIALIZED VIEW totals": "blocking-lock",
    "LOCK TABLE users": "blocking-lock",
    "CLUSTER users": "table-rewrite",
    "VACUUM FULL users": "table-rewrite",
    "TRUNCATE users": "whole-table-write",
    "DELETE FROM users": "whole-table-write",
    "UPDATE users SET age = 1": "whole-table-write",
    "UPDATE users SET age = (SELECT 1 FROM ages WHERE true)": "whole-table-write",
    "WITH gone AS (DELETE FROM users RETURNING id) SELECT 1 FROM gone WHERE true": "whole-table-write",
    "MERGE INTO users USING other ON users.id = other.id WHEN MATCHED THEN DELETE": "unjudged",
    "DO $$ BEGIN DROP TABLE users; END $$": "unjudged",
    "CALL clean_up()": "unjudged",
    "this is no SQL": "syntax-error",
}

# A table that is new, and what may be done to it at will.
TO_A_NEW_TABLE = (
    "ALTER TABLE {0} DROP COLUMN name",
    "ALTER TABLE {0} RENAME COLUMN name TO called",
    "ALTER TABLE {0} ALTER COLUMN name SET NOT NULL",
    "ALTER TABLE {0} ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE ONLY {0} ADD CONSTRAINT once UNIQUE (name)",
    "CREATE INDEX ON {0} (name)",
    "CREATE POLICY own ON {0} USING (true)",
    "CREATE TRIGGER audit BEFORE INSERT ON {0} EXECUTE FUNCTION one()",
    "UPDATE {0} SET name = 'x'",
    "DELETE FROM {0}",
    "TRUNCATE TABLE {0}",
    "REVOKE SELECT ON TABLE {0} FROM app",
    "DROP TABLE {0}",
)


def rules(sql: str) -> list[str]:
    return [finding.rule for finding in findings(sql)]


@pytest.mark.parametrize("statement", HARMLESS)
def test_what_only_adds_passes(statement: str) -> None:
    assert rules(f"{statement};") == []


@pytest.mark.parametrize("statement", HARMFUL)
def test_what_takes_away_or_blocks_is_found(statement: str) -> None:
    assert HARMFUL[statement] in rules(f"{statement};")


@settings(max_examples=15, deadline=None)
@given(st.permutations(HARMLESS))
def test_what_only_adds_passes_in_any_order(order: list[str]) -> None:
    assert rules(";\n".join(order)) == []


@settings(max_examples=15, deadline=None)
@given(st.permutations([statement for statement in HARMFUL if HARMFUL[statement] != "syntax-error"]))
def test_what_harms_is_found_in_any_order_and_on_its_own_line(order: list[str]) -> None:
    assert {finding.line for finding in findings(";\n".join(order))} == set(range(1, len(order) + 1))


WORDS = st.sampled_from(
    [
        *("alter", "table", "drop", "create", "add", "column", "index", "on", "or", "replace", "if", "not", "exists"),
        *(
            "set",
            "with",
            "as",
            "update",
            "delete",
            "from",
            "where",
            "revoke",
            "refresh",
            "truncate",
            "attach",
            "partition",
        ),
        *("fresh", '"Fresh"', "a", ".", ",", ";", "(", ")", "'x'", "*", "1"),
    ]
)


@settings(deadline=None)
@given(st.lists(WORDS, max_size=12))
def test_no_order_of_words_is_too_much(words: list[str]) -> None:
    script = " ".join(words)
    lines = [finding.line for finding in findings(script)]
    assert lines == sorted(lines)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(list(HARMFUL)), min_size=1, max_size=5, unique=True))
def test_no_comment_hides_anything(harmful: list[str]) -> None:
    script = "-- squawk-ignore-file\n" + "".join(f"-- squawk-ignore\n/* squawk-ignore */ {one};\n" for one in harmful)
    assert len(findings(script)) >= 1
    assert set(rules(script)) == set(rules(";\n".join(harmful)))


@pytest.mark.parametrize("name", ["fresh", "shop.fresh", '"Fresh"', 'shop."f;resh"'])
@pytest.mark.parametrize("statement", TO_A_NEW_TABLE)
def test_nothing_harms_a_table_that_the_migration_made(statement: str, name: str) -> None:
    harmful = statement.format(name)
    assert rules(f"CREATE TABLE {name} (name text); {harmful};") == []
    assert rules(f"{harmful};") != []


@pytest.mark.parametrize(
    "before",
    [
        "CREATE TABLE IF NOT EXISTS users (id int);",
        "CREATE TABLE other.users (id int);",
        'CREATE TABLE "Users" (id int);',
        "BEGIN; CREATE TABLE users (id int); ROLLBACK;",
        "CREATE TEMP TABLE users (id int); DROP TABLE users;",
        "CREATE TABLE users (id int); SET search_path TO shop;",
        "CREATE TABLE users_new (id int);",
        "-- CREATE TABLE users (id int);\n",
        "COMMENT ON TABLE x IS 'CREATE TABLE users (id int);';",
    ],
)
def test_a_table_that_may_have_been_there_is_not_new(before: str) -> None:
    assert rules(f"{before} ALTER TABLE users DROP COLUMN name;") == ["ban-drop-column"]


def test_everything_in_a_new_schema_is_new() -> None:
    assert rules("CREATE SCHEMA fresh; CREATE TABLE IF NOT EXISTS fresh.t (a int); ALTER TABLE fresh.t DROP a;") == []


def test_dropping_what_is_new_together_with_what_is_not_is_found() -> None:
    assert rules("CREATE TABLE fresh (a int); DROP TABLE fresh, users;") == ["ban-drop-table"]


def test_a_new_table_may_become_a_partition_of_an_old_one() -> None:
    assert rules("CREATE TABLE p (LIKE t); ALTER TABLE t ATTACH PARTITION p FOR VALUES IN (1);") == []


def test_an_index_may_make_room_for_itself() -> None:
    build = "CREATE INDEX CONCURRENTLY users_age ON users (age);"
    assert rules(f"DROP INDEX CONCURRENTLY IF EXISTS users_age; {build}") == []
    assert rules(f"DROP INDEX CONCURRENTLY IF EXISTS shop.users_age; {build}") == []
    assert rules(f"DROP INDEX CONCURRENTLY IF EXISTS users_name; {build}") == ["ban-drop-index"]


def test_an_index_cannot_be_built_concurrently_within_a_transaction() -> None:
    build = "CREATE INDEX CONCURRENTLY users_age ON users (age)"
    assert rules(f"BEGIN; {build}; COMMIT;") == ["ban-concurrent-index-creation-in-transaction"]
    assert rules(f"BEGIN; SELECT 1; COMMIT; {build};") == []


def test_validating_in_the_transaction_that_added_the_constraint_is_found() -> None:
    add = "ALTER TABLE users ADD CONSTRAINT adult CHECK (age > 17) NOT VALID"
    validate = "ALTER TABLE users VALIDATE CONSTRAINT adult"
    assert rules(f"BEGIN; {add}; COMMIT; BEGIN; {validate}; COMMIT;") == []
    assert rules(f"BEGIN; {add}; {validate}; COMMIT;") == ["constraint-missing-not-valid"]


def test_what_cannot_be_read_hides_nothing_that_stands_on_a_new_table() -> None:
    assert rules("CREATE TABLE fresh (a int); ALTER TABLE fresh nonsense; ALTER TABLE users DROP a;") != []


@pytest.mark.parametrize(
    "script",
    [
        "SELECT 1; -- a comment ends here\rDROP TABLE users;",
        "SELECT 1 AS set$$; DROP TABLE users; SELECT 1 AS set$$",
        'CREATE TABLE "ü" (a int); DROP TABLE "ä";',
        "CREATE TABLE users (id int); SELECT set_config('search_path', '', false); DROP TABLE users;",
        "CREATE TABLE users (id int); SET SESSION search_path TO shop; DROP TABLE users;",
        "CREATE TABLE users (id int); RESET ALL; DROP TABLE users;",
    ],
)
def test_no_trick_of_writing_hides_a_drop(script: str) -> None:
    assert rules(script) == ["ban-drop-table"]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("WITH gone AS (DELETE FROM users) UPDATE fresh SET a = 1", "whole-table-write"),
        ("ALTER TABLE fresh ATTACH PARTITION users DEFAULT", "blocking-lock"),
        ("DROP TRIGGER audit ON users", "ban-drop-trigger"),
        ("TRUNCATE fresh, users", "whole-table-write"),
    ],
)
def test_a_new_table_excuses_nothing_that_is_done_to_another(statement: str, rule: str) -> None:
    assert rules(f"CREATE TABLE fresh (a int); {statement};") == [rule]


def test_a_null_character_hides_nothing_behind_it() -> None:
    assert rules("SELECT 1;\0DROP TABLE users;") == ["syntax-error"]


def test_the_schema_of_this_project_only_adds() -> None:
    assert findings(sql_between(None, "head")) == ()


@pytest.mark.parametrize("nothing", ["", "\n", "-- nothing to do\n", ";;"])
def test_where_nothing_is_pending_nothing_is_found(nothing: str) -> None:
    assert findings(nothing) == ()


def test_a_finding_says_where_what_why_and_what_to_do() -> None:
    (finding,) = findings("BEGIN;\n\nALTER TABLE users\n  DROP COLUMN naïve;\nCOMMIT;")
    assert finding.line == 3
    assert finding.statement == "ALTER TABLE users DROP COLUMN naïve"
    assert "running version" in finding.why
    assert "later" in finding.instead


def test_findings_are_refused_with_the_way_to_allow_them() -> None:
    with pytest.raises(Refused) as refused:
        check_expand_only("ALTER TABLE users DROP COLUMN name; DROP TABLE homes;", allow_contract=False)
    text = str(refused.value)
    assert "line 1: ALTER TABLE users DROP COLUMN name" in text
    assert "ban-drop-table" in text
    assert "--allow-contract" in text


def test_findings_that_are_allowed_are_returned() -> None:
    assert [finding.rule for finding in check_expand_only("DROP TABLE users;", allow_contract=True)] == [
        "ban-drop-table"
    ]


def test_no_findings_need_no_permission() -> None:
    assert check_expand_only("CREATE TABLE users (id int);", allow_contract=False) == ()


def fake(folder: Path, body: str) -> str:
    program = folder / "squawk"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    "body",
    [
        "exit 3",
        "echo nonsense",
        "echo '{}' >&2; exit 1",
        "echo '[{\"rule\": 1}]'",
        "kill $$",
        "echo '[{\"line\": 99}]'",
    ],
)
def test_a_squawk_that_does_not_work_is_an_error_and_not_silence(tmp_path: Path, body: str) -> None:
    with pytest.raises(MissingPrerequisite, match="squawk"):
        squawk.ask("DROP TABLE t;", fake(tmp_path, body))


def test_a_program_that_cannot_be_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingPrerequisite, match="squawk"):
        squawk.ask("DROP TABLE t;", str(tmp_path / "nowhere"))


def test_without_squawk_the_way_to_install_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(MissingPrerequisite, match="squawk") as lacks:
        findings("DROP TABLE t;")
    assert "pip install" in str(lacks.value.hint)


def test_a_configuration_of_squawk_in_the_folder_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".squawk.toml").write_text('excluded_rules = ["ban-drop-table"]\n')
    monkeypatch.chdir(tmp_path)
    assert rules("DROP TABLE t;") == ["ban-drop-table"]


def test_the_environment_has_squawk() -> None:
    assert shutil.which(squawk.find())
