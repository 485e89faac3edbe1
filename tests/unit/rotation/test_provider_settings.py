"""Which provider makes the keys of a pool, and where they are tried."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from optimus_ops.errors import Refused
from optimus_ops.project.settings import load_project
from optimus_ops.rotation.context import RotationContext
from optimus_ops.rotation.providers.openai import OpenAIProvider
from optimus_ops.rotation.providers.settings import provider_of, settings_of
from optimus_ops.rotation.registry import library_names
from optimus_ops.rotation.rotators import assisted, provider_key
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.value import Secret

CHECKOUT = Path(__file__).parents[3]
MODELS = """
OPENAI_BASE_URL=https://api.example.com/v1/
OPENAI_MODELS=name=real-name,other
OPENAI_ADMIN_API=openai
OPENAI_ADMIN_BASE_URL=https://admin.example.com/v1
OPENAI_ADMIN_PROJECT=proj_1
GROQ_BASE_URL=https://groq.example.com/v1
SELFHOSTED_BASE_URL=http://models:8000/v1
"""


def context(root: Path, models: str = MODELS, secrets: str = "OPENAI_ADMIN_KEY=sk-admin\n") -> RotationContext:
    """Return the context of a checkout with these files."""
    (root / ".env.models").write_text(models)
    (root / ".env.secrets").write_text(secrets)
    (root / ".env.example").write_text("# A.\n# @operator\nOPENAI_ADMIN_KEY=\n")
    project = load_project(root, {})
    return RotationContext(project, SecretsPaths.of(project), {})


def test_keys_of_a_pool_with_an_admin_key_are_minted_and_others_asked_for(tmp_path: Path) -> None:
    made = context(tmp_path)
    provider = provider_of(made, "OPENAI_API_KEYS")
    assert isinstance(provider, OpenAIProvider)
    assert (provider.admin.base, provider.project) == ("https://admin.example.com/v1", "proj_1")
    assert provider.admin.key == Secret("sk-admin")
    assert (provider.endpoint.base, provider.endpoint.model) == ("https://api.example.com/v1", "real-name")
    assert "sk-admin" not in repr(provider)
    assert provider_of(made, "GROQ_API_KEYS") is None
    rotator = provider_key.make_rotator(made)
    assert isinstance(rotator.rotator_for("OPENAI_API_KEYS"), provider_key.MintedKeyRotator)
    assert isinstance(rotator.rotator_for("GROQ_API_KEYS"), assisted.AssistedRotator)
    without = provider_key.make_rotator(context(tmp_path, secrets="A=b\n"))
    assert isinstance(without.rotator_for("OPENAI_API_KEYS"), assisted.AssistedRotator)


def test_keys_are_tried_where_they_may_be_sent_to(tmp_path: Path) -> None:
    made = context(tmp_path)
    groq = settings_of(made, "GROQ_API_KEYS").endpoint
    assert groq is not None
    assert (groq.base, groq.model) == ("https://groq.example.com/v1", "")
    assert settings_of(made, "SELFHOSTED_API_KEYS").endpoint is None
    assert settings_of(made, "SMTP_URL").endpoint is None


@pytest.mark.parametrize(
    ("without", "message"),
    [
        ("OPENAI_ADMIN_PROJECT", "OPENAI_ADMIN_PROJECT is missing"),
        ("OPENAI_ADMIN_BASE_URL", "OPENAI_ADMIN_BASE_URL is missing"),
        ("OPENAI_BASE_URL", "OPENAI_BASE_URL is no address that keys may be sent to"),
    ],
)
def test_settings_that_are_missing_are_refused(tmp_path: Path, without: str, message: str) -> None:
    models = "\n".join(line for line in MODELS.splitlines() if not line.startswith(without))
    made = context(tmp_path, models)
    with pytest.raises(Refused, match=message):
        provider_of(made, "OPENAI_API_KEYS")
    # Planning asks for the grace before anything is checked.
    assert provider_key.make_rotator(made).grace_seconds("OPENAI_API_KEYS") > 0


def test_a_project_adds_providers_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.optimus-ops]\nsubsystems = ["acme_keys"]\n')
    (tmp_path / "acme_keys").mkdir()
    (tmp_path / "acme_keys" / "__init__.py").touch()
    (tmp_path / "acme_keys" / "providers.py").write_text("def providers():\n    return {'acme': lambda it: it.name}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        made = context(tmp_path, "ACME_ADMIN_API=acme\nB_ADMIN_API=b\n", "ACME_ADMIN_KEY=x\nB_ADMIN_KEY=x\n")
        assert str(provider_of(made, "ACME_API_KEYS")) == "ACME"
        with pytest.raises(Refused, match="B_ADMIN_API=b: there is no such API") as raised:
            provider_of(made, "B_API_KEYS")
        assert "known: acme, openai" in str(raised.value)
    finally:
        for name in ("acme_keys", "acme_keys.providers"):
            sys.modules.pop(name, None)


def test_the_template_and_the_models_of_the_platform_fit() -> None:
    project = load_project(CHECKOUT, {})
    made = RotationContext(project, SecretsPaths.of(project), {})
    assert {"assisted", "provider-key"} <= set(library_names())
    template = made.paths.example.read_text("utf-8")
    models = (CHECKOUT / ".env.models").read_text("utf-8")
    assert "OPENAI_ADMIN_API=openai\n" in models
    assert "\nOPENAI_ADMIN_KEY=\n" in template
    assert template.count("_API_KEYS=\n") - 1 <= template.count("@rotator=provider-key")
