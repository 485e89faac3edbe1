import pytest
from psycopg.conninfo import conninfo_to_dict

from memory_engine.connection import GUARDS, MigrationError, guarded
from memory_engine.migrate import sql_between


def test_every_step_can_be_written_as_sql_without_a_database() -> None:
    script = sql_between(None, "head")
    assert script.startswith("BEGIN;")
    assert script.rstrip().endswith("COMMIT;")
    assert "CREATE TABLE memory.memories" in script


def test_nothing_leads_from_a_revision_to_itself() -> None:
    assert sql_between("0001", "0001") == ""


def test_an_unknown_revision_is_named() -> None:
    with pytest.raises(MigrationError, match="no-such-step"):
        sql_between("0001", "no-such-step")


def test_the_guards_come_behind_the_options_that_the_operator_gave() -> None:
    options = str(conninfo_to_dict(guarded("host=there options='-c search_path=mine'"))["options"])
    assert options.startswith("-c search_path=mine -c ")
    assert all(f"-c {name}={value}" in options for name, value in GUARDS.items())
    assert conninfo_to_dict(guarded("host=there"))["host"] == "there"
