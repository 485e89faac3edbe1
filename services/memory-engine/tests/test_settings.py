from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from memory_engine.database import session_settings
from memory_engine.settings import MemorySettings
from optimus_kit.settings import SettingsError


def secret(environ: dict[str, str], name: str, value: str) -> None:
    (Path(environ["SECRETS_DIR"]) / name).write_text(value)


def test_each_login_gets_its_own_password_from_its_secret_file(environ: dict[str, str]) -> None:
    secret(environ, "MEMORY_DB_PASSWORD", "it's \\ mine\n")
    secret(environ, "POSTGRES_PASSWORD", "owner's")
    database = MemorySettings.from_env(environ | {"DB_HOST": "db", "DB_NAME": "things", "DB_PORT": "5433"}).database
    service, owner = conninfo_to_dict(database.conninfo), conninfo_to_dict(database.owner_conninfo)
    assert (service["user"], service["password"]) == ("memory_engine", "it's \\ mine")
    assert (owner["user"], owner["password"]) == ("optimus", "owner's")
    assert (service["host"], service["port"], service["dbname"]) == ("db", "5433", "things")
    assert str(service["application_name"]).startswith("memory-engine@")


def test_no_password_shows_in_the_settings_text(environ: dict[str, str]) -> None:
    secret(environ, "MEMORY_DB_PASSWORD", "hush-1")
    assert "hush" not in repr(MemorySettings.from_env(environ))


def test_a_url_goes_before_the_single_settings_and_keeps_its_own_options(environ: dict[str, str]) -> None:
    url = "postgresql://me@there:1/it?connect_timeout=9"
    given = conninfo_to_dict(
        MemorySettings.from_env(environ | {"DATABASE_URL": url, "DB_HOST": "not-there"}).database.conninfo
    )
    assert (given["host"], given["user"], given["connect_timeout"]) == ("there", "me", "9")


def test_a_url_that_is_none_is_refused_without_repeating_it(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refused:
        MemorySettings.from_env(environ | {"DATABASE_URL": "postgres//me:hush@there"})
    assert "DATABASE_URL" in str(refused.value)
    assert "hush" not in str(refused.value)


def test_the_budget_is_pool_and_overflow(environ: dict[str, str]) -> None:
    assert MemorySettings.from_env(environ | {"DB_POOL_SIZE": "3", "DB_MAX_OVERFLOW": "4"}).database.budget == 7


@pytest.mark.parametrize(
    "variables",
    [
        {"DB_POOL_SIZE": "0", "DB_MAX_OVERFLOW": "0"},
        {"DB_POOL_SIZE": "-1"},
        {"DB_POOL_SIZE": "many"},
        {"DB_PORT": "70000"},
        {"HNSW_EF_SEARCH": "1001"},
        {"RUN_MIGRATIONS": "perhaps"},
        {"EMBEDDINGS_PROVIDER": "oracle"},
        {"EMBEDDINGS_PROVIDER": "openai", "EMBEDDINGS_MODEL": "m"},
        {"EMBEDDINGS_PROVIDER": "openai", "EMBEDDINGS_BASE_URL": "ftp://host", "EMBEDDINGS_MODEL": "m"},
        {"EMBEDDINGS_PROVIDER": "openai", "EMBEDDINGS_BASE_URL": "https://host/v1"},
    ],
)
def test_what_makes_no_sense_is_refused_by_name(environ: dict[str, str], variables: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(variables)).split("_", maxsplit=1)[0]):
        MemorySettings.from_env(environ | variables)


def test_the_statement_timeout_reaches_the_server_in_milliseconds(environ: dict[str, str]) -> None:
    database = MemorySettings.from_env(environ | {"DB_STATEMENT_TIMEOUT": "2.5"}).database
    assert session_settings(database)["statement_timeout"] == "2500"
