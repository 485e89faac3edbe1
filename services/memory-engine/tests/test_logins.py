import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_engine.logins import SECRET, USERS, Login, login_reader, parse_login


@given(st.sampled_from(USERS), st.text(min_size=1))
def test_user_and_password_are_read_back(user: str, password: str) -> None:
    assert parse_login(f"{user}:{password}") == Login(user, password)


@pytest.mark.parametrize("text", ["secret", "a:b", "root:secret", "memory_engine", "memory_engine:", ":memory_engine"])
def test_what_names_none_of_the_users_is_a_password_alone(text: str) -> None:
    assert parse_login(text, "me") == Login("me", text)


def test_an_installation_that_never_rotated_goes_on_with_the_first_user() -> None:
    assert parse_login("secret").user == "memory_engine"


@pytest.mark.parametrize(
    ("secrets", "login"), [({}, None), ({SECRET: "memory_engine_b:x"}, Login("memory_engine_b", "x"))]
)
def test_the_login_is_read_from_its_secret(secrets: dict[str, str], login: Login | None) -> None:
    def read(name: str) -> str | None:
        return secrets.get(name)

    assert login_reader(read)() == login


def test_the_password_does_not_show() -> None:
    assert "hush" not in repr(parse_login("memory_engine:hush"))
