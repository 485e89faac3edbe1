"""What is looked for is found at any place and in any notation; what only looks like a key is not."""

from __future__ import annotations

import base64
import json
import secrets
import string
import zlib
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimus_ops.secrets.value import Secret
from optimus_ops.security.exposure.known_values import KnownSecret, known_values
from optimus_ops.security.exposure.matcher import Matcher
from optimus_ops.security.exposure.plausibility import BASE62, PLACEHOLDERS, SEQUENCE
from optimus_ops.security.exposure.providers import KEY_FORMS

VALUES = st.text(st.sampled_from(string.ascii_letters + string.digits + "-_/+&%é $"), min_size=16, max_size=60).filter(
    lambda text: len(set(text)) >= 8 and text == text.strip()
)
NOTHING = st.binary(max_size=300)


def matcher_of(value: str, kind: str = "text") -> Matcher:
    return Matcher.of(known_values([KnownSecret("KEY", Secret(value), kind)]))  # type: ignore[arg-type]  # a literal


def keys_in(matcher: Matcher, content: bytes) -> set[str]:
    return {match.identity for match in matcher.find(content)}


@settings(max_examples=60, deadline=None)
@given(value=VALUES, before=NOTHING, after=NOTHING)
def test_a_value_is_found_anywhere_and_however_it_is_written(value: str, before: bytes, after: bytes) -> None:
    matcher = matcher_of(value)
    raw = value.encode()
    for written in (
        raw,
        base64.b64encode(before + raw + after),
        base64.urlsafe_b64encode(before + raw + after),
        quote(value, safe="").encode(),
        json.dumps({"a": value}).encode(),
    ):
        assert "KEY" in keys_in(matcher, before + written + after)


@settings(max_examples=60, deadline=None)
@given(value=VALUES, before=NOTHING, after=NOTHING, size=st.integers(1, 40))
def test_a_value_is_found_once_however_a_stream_is_cut(value: str, before: bytes, after: bytes, size: int) -> None:
    matcher = matcher_of(value)
    whole = before + value.encode() + after
    chunks = [whole[start : start + size] for start in range(0, len(whole), size)]
    found = [match for match in matcher.find_in(chunks) if match.identity == "KEY"]
    assert [(match.start, match.end) for match in found] == [
        (match.start, match.end) for match in matcher.find(whole) if match.identity == "KEY"
    ]
    assert found


def test_each_of_several_keys_the_password_of_a_url_and_lines_of_a_key_are_looked_for() -> None:
    first, second = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    assert keys_in(matcher_of(f"{first},{second}", "keys"), second.encode()) == {"KEY"}
    assert keys_in(matcher_of(f"smtps://me:{first}@mail.example", "url"), f"x {first}".encode()) == {"KEY"}
    line = random_text(64)
    block = f"-----BEGIN PRIVATE KEY-----\n{line}\n-----END PRIVATE KEY-----"
    assert keys_in(matcher_of(block, "pem"), line.encode()) == {"KEY"}
    document = json.dumps({"client": "everybody-knows-it", "secret_key": first})
    assert keys_in(matcher_of(document, "json"), f"everybody-knows-it {first}".encode()) == {"KEY"}


def test_the_longer_of_two_values_counts_where_both_are() -> None:
    short = secrets.token_urlsafe(16)
    values = known_values([KnownSecret("SHORT", Secret(short)), KnownSecret("LONG", Secret(f"{short}-and-more-of-it"))])
    assert keys_in(Matcher.of(values), f"{short}-and-more-of-it".encode()) == {"LONG"}


def test_values_that_are_short_or_placeholders_are_named_and_not_looked_for() -> None:
    found = known_values([KnownSecret("A", Secret("short")), KnownSecret("B", Secret("change-me-please-now"))])
    assert found.left_out == ("A", "B")
    assert not found.forms


def random_text(length: int, letters: str = string.ascii_letters + string.digits) -> str:
    """Draw a text; chance also writes `fake`, which no real key is taken for."""
    text = "".join(secrets.choice(letters) for _ in range(length))
    unlike = PLACEHOLDERS.search(text.encode()) or SEQUENCE.search(text.encode())
    return random_text(length, letters) if unlike else text


def with_checksum(prefix: str) -> str:
    body = random_text(30)
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = chr(BASE62[digit]) + digits
    return f"{prefix}{body}{digits}"


def jwt() -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()
    payload = base64.urlsafe_b64encode(b'{"sub":"someone","n":1}').rstrip(b"=").decode()
    return f"{header}.{payload}.{random_text(43)}"


def pem() -> str:
    body = base64.encodebytes(b"\x30\x82" + secrets.token_bytes(300)).decode()
    return f"-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----"


UPPER = string.ascii_uppercase + "234567"
SAMPLES = {
    "openai": lambda: f"sk-proj-{random_text(40)}T3BlbkFJ{random_text(40)}",
    "anthropic": lambda: f"sk-ant-api03-{random_text(93)}AA",
    "aws-access-key": lambda: f"AKIA{random_text(16, UPPER)}",
    "aws-secret-key": lambda: f'aws_secret_access_key = "{random_text(40)}"',
    "github": lambda: with_checksum("ghp_"),
    "github-fine": lambda: f"github_pat_{random_text(22)}_{random_text(59)}",
    "gitlab": lambda: f"glpat-{random_text(20)}",
    "slack": lambda: f"xoxb-2{random_text(11, string.digits)}-{random_text(24)}",
    "slack-webhook": lambda: (
        f"https://hooks.slack.com/services/T{random_text(9, UPPER)}/B{random_text(9, UPPER)}/{random_text(24)}"
    ),
    "google": lambda: f"AIza{random_text(35)}",
    "google-client": lambda: f"GOCSPX-{random_text(28)}",
    "meta": lambda: f"EAA{random_text(160)}",
    "groq": lambda: f"gsk_{random_text(52)}",
    "openrouter": lambda: f"sk-or-v1-{secrets.token_hex(32)}",
    "xai": lambda: f"xai-{random_text(80)}",
    "nvidia": lambda: f"nvapi-{random_text(64)}",
    "huggingface": lambda: f"hf_{random_text(34, string.ascii_letters)}",
    "stripe": lambda: f"sk_live_{random_text(24)}",
    "sendgrid": lambda: f"SG.{random_text(22)}.{random_text(43)}",
    "npm": lambda: with_checksum("npm_"),
    "pypi": lambda: f"pypi-AgEI{random_text(120)}",
    "age": lambda: f"AGE-SECRET-KEY-1{random_text(58, 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L')}",
    "private-key": pem,
    "url-password": lambda: f"postgres://app:{random_text(20)}7@db.internal:5432/app",
    "jwt": jwt,
}


@pytest.mark.parametrize("form", KEY_FORMS, ids=lambda form: form.name)
def test_a_key_of_each_form_is_found_in_text_code_and_json(form: object) -> None:
    name = form.name  # type: ignore[attr-defined]  # a form
    matcher = Matcher.of(known_values([]))
    for _ in range(20):
        sample = SAMPLES[name]()
        for around in (f"key: {sample}\n", f'{{"key": "{sample}"}}', f"KEY='{sample}'", sample):
            assert name in keys_in(matcher, around.encode()), around


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "sk-ant-api03-your-key-here" + "x" * 80,
        "ghp_" + "a" * 36,
        "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB"[:40],
        "hf_" + "x" * 34,
        "AIza" + "0" * 35,
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n" + "not a key but words " * 8,
        "https://user:password@db.internal/x",
        "postgres://app:${DB_PASSWORD_OF_APP1}@db/app",
        "https://me:pa55word-of-1@index.example/simple",
        "eyJub3QiOiJhIGhlYWRlciJ9.eyJub3QiOiJhIGhlYWRlciJ9.abcdefghijklmnopqrstuvwxyz",
        # A picture in base64 has any prefix somewhere.
        base64.b64encode(bytes(range(256)) * 40).decode() + "EAA" + "kJ8sT2" * 30 + "+/=",
    ],
)
def test_placeholders_words_and_what_only_has_the_form_are_no_keys(text: str) -> None:
    assert keys_in(Matcher.of(known_values([])), text.encode()) == set()


def test_every_form_has_a_sample_and_a_name_of_its_own() -> None:
    names = [form.name for form in KEY_FORMS]
    assert len(set(names)) == len(names)
    assert set(names) == SAMPLES.keys()
