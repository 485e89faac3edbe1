from dataclasses import dataclass
from pathlib import Path

import pytest

from ai_engine.providers.catalogue import ProviderSettings, build_providers, provider_settings
from optimus_kit.errors import ApiError
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import SettingsError

ENVIRON = {
    "PROVIDERS": "openai, local",
    "OPENAI_BASE_URL": "https://api.example/v1",
    "OPENAI_MODELS": "big, fast=big-mini",
    "OPENAI_FALLBACK": "local:llama, embedded:embedded",
    "LOCAL_BASE_URL": "http://gpu:8000/v1",
    "LOCAL_MODELS": "llama",
    "LOCAL_KEYLESS": "true",
}


def test_providers_are_read_from_the_environment() -> None:
    openai, local = provider_settings(ENVIRON)
    assert openai == ProviderSettings(
        "openai",
        "https://api.example/v1",
        (("big", "big"), ("fast", "big-mini")),
        (("local", "llama"), ("embedded", "embedded")),
    )
    assert local.keyless


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"PROVIDERS": "embedded"}, "PROVIDERS"),
        ({"PROVIDERS": "Open AI"}, "PROVIDERS"),
        ({"OPENAI_BASE_URL": "api.example"}, "OPENAI_BASE_URL"),
        ({"OPENAI_MODELS": " "}, "OPENAI_MODELS"),
        ({"OPENAI_FALLBACK": "llama"}, "OPENAI_FALLBACK"),
        ({"LOCAL_KEYLESS": "maybe"}, "LOCAL_KEYLESS"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(changes: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        provider_settings(ENVIRON | changes)


async def test_routes_are_the_model_asked_for_and_its_fallbacks(tmp_path: Path) -> None:
    (tmp_path / "OPENAI_API_KEYS").write_text("k1,k2")
    catalogue = build_providers(provider_settings(ENVIRON), SecretWatcher(SecretFolder(tmp_path)))
    routes = [(route.provider.name, route.model) for route in catalogue.routes("fast")]
    assert routes == [("openai", "fast"), ("local", "llama"), ("embedded", "embedded")]
    assert [model.id for model in catalogue.models()] == ["embedded", "big", "fast", "llama"]
    await catalogue.aclose()


async def test_a_provider_without_keys_is_left_out(tmp_path: Path) -> None:
    catalogue = build_providers(provider_settings(ENVIRON), SecretWatcher(SecretFolder(tmp_path)))
    with pytest.raises(ApiError) as unknown:
        catalogue.routes("big")
    assert (unknown.value.status, unknown.value.code) == (404, "model_not_found")
    await catalogue.aclose()


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


async def test_providers_come_and_go_with_their_keys_and_keep_what_they_know(tmp_path: Path) -> None:
    clock = Clock()
    catalogue = build_providers(provider_settings(ENVIRON), SecretWatcher(SecretFolder(tmp_path), clock=clock))

    def offered() -> list[str]:
        # A secret counts as taken away once it has been missing for some seconds.
        for _ in range(6):
            clock.now += 1
            found = [model.id for model in catalogue.models()]
        return found

    assert offered() == ["embedded", "llama"]
    (tmp_path / "OPENAI_API_KEYS").write_text("k1,k2")
    assert offered() == ["embedded", "big", "fast", "llama"]
    provider = catalogue.routes("big")[0].provider
    (tmp_path / "OPENAI_API_KEYS").unlink()
    assert offered() == ["embedded", "llama"]
    assert [keyed.name for keyed in catalogue.keyed()] == ["local"]
    (tmp_path / "OPENAI_API_KEYS").write_text("k3")
    assert offered() == ["embedded", "big", "fast", "llama"]
    assert catalogue.routes("big")[0].provider is provider
    await catalogue.aclose()


async def test_a_key_that_no_header_can_hold_is_refused_at_the_start_and_left_out_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    file = tmp_path / "OPENAI_API_KEYS"
    file.write_text("gööd")
    with pytest.raises(SettingsError, match="secret OPENAI_API_KEYS: key 1"):
        build_providers(provider_settings(ENVIRON), SecretWatcher(SecretFolder(tmp_path)))
    file.write_text("k1")
    catalogue = build_providers(provider_settings(ENVIRON), SecretWatcher(SecretFolder(tmp_path), clock=clock))
    file.write_text("k2, bäd")
    clock.now += 1
    catalogue.refresh()
    [states] = [provider.key_states() for provider in catalogue.keyed() if provider.name == "openai"]
    assert len(states) == 1
    assert "OPENAI_API_KEYS: a key with a character that no header can hold is left out" in caplog.text
    assert "bäd" not in caplog.text
    await catalogue.aclose()


def test_a_fallback_to_an_unknown_provider_is_named(tmp_path: Path) -> None:
    settings = provider_settings(ENVIRON | {"OPENAI_FALLBACK": "other:x"})
    with pytest.raises(SettingsError, match="OPENAI_FALLBACK: 'other'"):
        build_providers(settings, SecretWatcher(SecretFolder(tmp_path)))
