"""Forms of providers' keys: a literal part that one scan looks for, and an expression that judges around it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from optimus_ops.security.exposure import plausibility
from optimus_ops.security.model import Severity

Test = Callable[[bytes], bool]
AROUND = 400
"""Bytes before and after a literal that an expression may look at: the longest key, Meta's, has about 300."""


@dataclass(frozen=True)
class KeyForm:
    """The form of a kind of key.

    Args:
        name: of the rule, as in `provider-key:aws`.
        literals: one of them is in each such key.
        expression: matches all of a key; what is around it is looked at for its end alone.
        test: tells a key from what only has its form.
        after: bytes behind a literal that belong to a key.
    """

    name: str
    whose: str
    literals: tuple[bytes, ...]
    expression: re.Pattern[bytes]
    test: Test = plausibility.random_looking
    severity: Severity = "critical"
    after: int = AROUND


def _form(name: str, whose: str, literals: str, expression: str, test: Test = plausibility.random_looking) -> KeyForm:
    words = tuple(word.encode() for word in literals.split(" "))
    # A longer run of the same characters is something else: a hash, or a picture in base64.
    return KeyForm(
        name, whose, words, re.compile(rb"(?<![A-Za-z0-9+=_-])(?:" + expression.encode() + rb")(?![\w+/-])"), test
    )


def _private_key() -> KeyForm:
    kind = rb"(?:RSA |EC |DSA |OPENSSH |ENCRYPTED )?PRIVATE KEY-----"
    body = rb"(?:\\[rn]|[\s\"',+])+[A-Za-z0-9+/=\\\s\"',]{64,}"
    expression = re.compile(rb"-----BEGIN " + kind + body)
    return KeyForm("private-key", "a private key in PEM", (b"PRIVATE KEY-----",), expression, plausibility.private_key)


def _aws_secret() -> KeyForm:
    expression = re.compile(
        rb"(?i:aws_?secret_?(?:access_?)?key|secretaccesskey)[\"']?\s{0,3}[:=]{1,2}\s{0,3}[\"']?(?P<key>[A-Za-z0-9/+]{40})(?![\w/+=])"
    )
    literals = (
        b"aws_secret_access_key",
        b"AWS_SECRET_ACCESS_KEY",
        b"SecretAccessKey",
        b"secretAccessKey",
        b"AWS_SECRET_KEY",
    )
    return KeyForm("aws-secret-key", "a secret access key of AWS", literals, expression)


def _url_password() -> KeyForm:
    scheme = rb"(?:postgres(?:ql)?(?:\+\w+)?|rediss?|mysql(?:\+\w+)?|mongodb(?:\+srv)?|amqps?|https?|smtps?)"
    expression = re.compile(scheme + rb"://[^\s:/@\"'`<>]{0,64}:[^\s/@\"'`<>]{8,128}@[A-Za-z0-9.\[-]{1,253}")
    return KeyForm(
        "url-password", "a password in an address", (b"://",), expression, plausibility.password_in_url, "high", 300
    )


def _signed_token() -> KeyForm:
    expression = re.compile(rb"(?<![\w-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}")
    return KeyForm("jwt", "a signed token (JWT)", (b".eyJ",), expression, plausibility.jwt, "medium", 2000)


KEY_FORMS: tuple[KeyForm, ...] = (
    _form(
        "openai", "a key of OpenAI", "T3BlbkFJ", r"sk-(?:[a-z]+-)?[A-Za-z0-9_-]{20,100}T3BlbkFJ[A-Za-z0-9_-]{20,100}"
    ),
    _form("anthropic", "a key of Anthropic", "sk-ant-", r"sk-ant-[a-z]+[0-9]{2}-[A-Za-z0-9_-]{80,120}"),
    _form("aws-access-key", "an access key of AWS", "AKIA ASIA", r"(?:AKIA|ASIA)[A-Z2-7]{16}"),
    _aws_secret(),
    _form(
        *("github", "a token of GitHub", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{36}"),
        plausibility.github_checksum,
    ),
    _form(
        "github-fine", "a fine-grained token of GitHub", "github_pat_", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"
    ),
    _form("gitlab", "a token of GitLab", "glpat-", r"glpat-[A-Za-z0-9_-]{20,50}"),
    _form(
        *("slack", "a token of Slack", "xoxa- xoxb- xoxe- xoxp- xoxr- xoxs- xapp-"),
        r"(?:xox[abeprs]|xapp)-[0-9A-Z]{1,14}-[A-Za-z0-9-]{20,120}",
    ),
    _form(
        *("slack-webhook", "an address of Slack that takes messages", "hooks.slack.com/services/"),
        r"(?:https://)?hooks\.slack\.com/services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{20,28}",
    ),
    _form("google", "an API key of Google", "AIza", r"AIza[A-Za-z0-9_-]{35}"),
    _form("google-client", "an OAuth client secret of Google", "GOCSPX-", r"GOCSPX-[A-Za-z0-9_-]{28}"),
    _form("meta", "an access token of Meta (WhatsApp)", "EAA", r"(?<!/)EAA[A-Za-z0-9]{97,300}"),
    _form("groq", "a key of Groq", "gsk_", r"gsk_[A-Za-z0-9]{52}"),
    _form("openrouter", "a key of OpenRouter", "sk-or-v1-", r"sk-or-v1-[0-9a-f]{64}"),
    _form("xai", "a key of xAI", "xai-", r"xai-[A-Za-z0-9]{80}"),
    _form("nvidia", "a key of NVIDIA", "nvapi-", r"nvapi-[A-Za-z0-9_-]{60,70}"),
    _form("huggingface", "a token of Hugging Face", "hf_", r"hf_[A-Za-z]{34}"),
    _form("stripe", "a live key of Stripe", "sk_live_ rk_live_", r"[sr]k_live_[A-Za-z0-9]{20,120}"),
    _form("sendgrid", "a key of SendGrid", "SG.", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _form("npm", "a token of npm", "npm_", r"npm_[A-Za-z0-9]{36}", plausibility.github_checksum),
    _form("pypi", "a token of PyPI", "pypi-AgEI", r"pypi-AgEI[A-Za-z0-9_-]{60,300}"),
    _form("age", "a key of age", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
    _private_key(),
    _url_password(),
    _signed_token(),
)
