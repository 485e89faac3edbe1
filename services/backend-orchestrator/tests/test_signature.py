from hypothesis import assume, given
from hypothesis import strategies as st

from backend_orchestrator.signature import is_signed, same_token, sign, split_secrets

secrets = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=40)


def test_the_signature_is_the_documented_hmac() -> None:
    # Computed with: printf 'hello' | openssl dgst -sha256 -hmac key
    assert sign(b"hello", "key") == "sha256=9307b3b915efb5171ff14d8cb55fbcc798c6c0ef1456d66ded1a6aa723a58b7b"


@given(st.binary(), secrets, secrets)
def test_a_body_signed_with_any_of_the_secrets_is_accepted(body: bytes, old: str, new: str) -> None:
    assert is_signed(body, sign(body, old), (old, new))
    assert is_signed(body, sign(body, new), (old, new))


@given(st.binary(), st.binary(), secrets)
def test_another_body_is_refused(body: bytes, other: bytes, secret: str) -> None:
    assume(body != other)
    assert not is_signed(other, sign(body, secret), (secret,))


@given(st.binary(), st.none() | st.text(max_size=100), secrets)
def test_whatever_is_no_signature_is_refused(body: bytes, header: str | None, secret: str) -> None:
    assume(header != sign(body, secret))
    assert not is_signed(body, header, (secret,))


@given(st.binary(), st.text(max_size=80))
def test_without_a_secret_nothing_is_accepted(body: bytes, header: str) -> None:
    assert not is_signed(body, header, ())
    assert not same_token(header, ())


def test_an_empty_token_fits_nothing() -> None:
    assert not same_token("", split_secrets(""))
    assert not same_token(None, split_secrets(" \n,"))


@given(st.lists(secrets, max_size=5), st.sampled_from([",", "\n", " ,\n "]))
def test_secrets_are_apart_by_commas_or_line_ends(given_secrets: list[str], separator: str) -> None:
    assert split_secrets(separator.join(given_secrets)) == tuple(given_secrets)
