import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from optimus_kit.errors import ApiError
from optimus_kit.metrics import tenant_key_counter
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import ServiceSettings, SettingsError
from optimus_kit.tenancy import Tenants, key_name, parse_tenants


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def watched(settings: ServiceSettings, clock: Clock) -> Tenants:
    return Tenants(settings.tenants_file, SecretWatcher(settings.secrets, clock=clock), clock)


def test_a_tenant_is_known_by_its_key_and_without_one_is_inactive(settings: ServiceSettings) -> None:
    (settings.secrets.path / "TENANT_NORTH_STAR_API_KEY").write_text("key-1\n")
    tenants = Tenants.load(settings.tenants_file, SecretWatcher(settings.secrets))
    found = tenants.authenticate("Bearer key-1")
    assert found is not None
    assert (found.name, found.display_name) == ("north-star", "North Star")
    assert [tenant.name for tenant in tenants.active()] == ["north-star"]
    assert tenants.key("north-star") == "key-1"


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic key-1", "Bearer key-2", "key-1", "Bearer " + "x" * 600]
)
def test_other_headers_are_nobody(settings: ServiceSettings, header: str | None) -> None:
    (settings.secrets.path / "TENANT_ACME_API_KEY").write_text("key-1")
    tenants = Tenants.load(settings.tenants_file, SecretWatcher(settings.secrets))
    assert tenants.authenticate(header) is None
    with pytest.raises(ApiError) as refused:
        tenants.require(header)
    assert (refused.value.status, refused.value.code) == (401, "invalid_api_key")


def test_a_rotated_key_works_without_a_restart(settings: ServiceSettings) -> None:
    clock = Clock()
    secret = settings.secrets.path / "TENANT_ACME_API_KEY"
    secret.write_text("old")
    tenants = watched(settings, clock)
    replace(secret, "new")
    clock.now += 1.5
    assert tenants.authenticate("Bearer old") is None
    assert tenants.authenticate("Bearer new") is not None


def test_both_values_of_a_key_that_is_rotated_are_known_and_the_first_is_shown(settings: ServiceSettings) -> None:
    clock = Clock()
    first, second = (settings.secrets.path / f"TENANT_ACME_API_KEY{suffix}" for suffix in ("", "_SECONDARY"))
    first.write_text("old")
    tenants = watched(settings, clock)

    def known() -> dict[str, bool]:
        clock.now += 1.5
        return {key: tenants.authenticate(f"Bearer {key}") is not None for key in ("old", "new", "other")}

    assert known() == {"old": True, "new": False, "other": False}
    second.write_text("new")
    assert (known(), tenants.key("acme")) == ({"old": True, "new": True, "other": False}, "old")
    replace(first, "new")
    replace(second, "old")
    assert (known(), tenants.key("acme")) == ({"old": True, "new": True, "other": False}, "new")
    second.unlink()
    assert known()["new"]
    clock.now += 5
    assert (known(), tenants.key("acme")) == ({"old": False, "new": True, "other": False}, "new")


def test_which_of_two_valid_keys_is_shown_is_counted_and_one_alone_is_not(settings: ServiceSettings) -> None:
    settings.tenants_file.write_text("tenants: {acme: {}, globex: {}}")
    for name, value in {"ACME_API_KEY": "a1", "ACME_API_KEY_SECONDARY": "a2", "GLOBEX_API_KEY": "g1"}.items():
        (settings.secrets.path / f"TENANT_{name}").write_text(value)
    tenants = Tenants.load(settings.tenants_file, SecretWatcher(settings.secrets))
    registry = CollectorRegistry()
    tenants.count_keys(tenant_key_counter(registry))
    for key in ("a1", "a2", "a2", "g1", "other"):
        tenants.authenticate(f"Bearer {key}")
    counted = {
        (sample.labels["tenant"], sample.labels["secret"]): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "optimus_tenant_key_matches_total"
    }
    assert counted == {("acme", "primary"): 1, ("acme", "secondary"): 2}


def test_the_second_value_of_one_tenants_key_is_not_another_tenants(settings: ServiceSettings) -> None:
    settings.tenants_file.write_text("tenants: {acme: {}, globex: {}}")
    for name, value in {"ACME": "a1", "GLOBEX": "g1"}.items():
        (settings.secrets.path / f"TENANT_{name}_API_KEY").write_text(value)
        (settings.secrets.path / f"TENANT_{name}_API_KEY_SECONDARY").write_text(value.replace("1", "2"))
    tenants = Tenants.load(settings.tenants_file, SecretWatcher(settings.secrets))
    found = {key: tenants.require(f"Bearer {key}").name for key in ("a1", "a2", "g1", "g2")}
    assert found == {"a1": "acme", "a2": "acme", "g1": "globex", "g2": "globex"}


def test_a_tenants_file_broken_later_changes_nothing(settings: ServiceSettings) -> None:
    clock = Clock()
    (settings.secrets.path / "TENANT_ACME_API_KEY").write_text("key")
    tenants = watched(settings, clock)
    settings.tenants_file.write_text("tenants: [")
    clock.now += 1.5
    assert tenants.authenticate("Bearer key") is not None


@pytest.mark.parametrize("atomically", [False, True])
def test_an_edit_of_the_tenants_file_is_in_effect_without_a_restart(
    settings: ServiceSettings, atomically: bool
) -> None:
    clock = Clock()
    (settings.secrets.path / "TENANT_ACME_API_KEY").write_text("key")
    tenants = watched(settings, clock)
    edit = replace if atomically else Path.write_text
    for limit in (7, 8):
        edit(settings.tenants_file, f"tenants: {{acme: {{concurrent_requests: {limit}}}}}")
        clock.now += 1.5
        assert tenants.require("Bearer key").concurrent_requests == limit


@pytest.mark.parametrize("broken", [b"tenants: [", b"tenants: {acme: {burst: 0}}", b"\xff", b"[" * 5000, None])
def test_an_edit_that_cannot_be_used_is_named_once_and_changes_nothing(
    settings: ServiceSettings, caplog: pytest.LogCaptureFixture, broken: bytes | None
) -> None:
    clock = Clock()
    (settings.secrets.path / "TENANT_ACME_API_KEY").write_text("key")
    tenants = watched(settings, clock)
    before = settings.tenants_file.read_bytes()
    if broken is None:
        settings.tenants_file.unlink()
    else:
        settings.tenants_file.write_bytes(broken)
    for _ in range(3):
        clock.now += 1.5
        assert tenants.authenticate("Bearer key") is not None
    assert tenants.problem is not None
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    settings.tenants_file.write_bytes(before)
    clock.now += 1.5
    assert tenants.problem is None


def test_a_secret_that_cannot_be_read_is_no_error_of_a_request(settings: ServiceSettings) -> None:
    clock = Clock()
    secret = settings.secrets.path / "TENANT_ACME_API_KEY"
    secret.write_text("key")
    tenants = watched(settings, clock)
    secret.write_bytes(b"\xff\xfe")
    clock.now += 1.5
    assert tenants.authenticate("Bearer key") is not None


def replace(path: Path, text: str) -> None:
    """As secrets are projected: a new file in the place of the old."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, path)  # noqa: PTH105 - the very call that is meant


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tenants: [", "not valid YAML"),
        ("a: 1", "a mapping `tenants"),
        ("tenants: {Acme: {}}", "lower-case"),
        ("tenants: {acme: 5}", "a mapping is wanted"),
        ("tenants: {acme: {burst: 0}}", "burst must be"),
        ("tenants: {acme: {concurrent_requests: many}}", "concurrent_requests must be"),
        ("tenants: {acme: {requests_per_minute: true}}", "requests_per_minute must be"),
    ],
)
def test_a_malformed_tenants_file_says_where(text: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=f"tenants.yaml: .*{reason}"):
        parse_tenants(text, "tenants.yaml")


@given(st.text(max_size=80))
def test_any_tenants_file_is_read_or_refused(text: str) -> None:
    with suppress(SettingsError):
        assert parse_tenants(text, "file")


def test_no_tenants_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        Tenants.load(tmp_path / "none.yaml", SecretWatcher(SecretFolder(tmp_path)))


def test_the_key_of_a_name_with_a_hyphen() -> None:
    assert key_name("north-star") == "TENANT_NORTH_STAR_API_KEY"


def test_weights_are_those_of_tenants_that_have_a_key(settings: ServiceSettings) -> None:
    settings.tenants_file.write_text("tenants: {big: {weight: 3}, small: , keyless: {weight: 9}}")
    for name in ("BIG", "SMALL"):
        (settings.secrets.path / f"TENANT_{name}_API_KEY").write_text(name)
    tenants = Tenants.load(settings.tenants_file, SecretWatcher(settings.secrets))
    weights = tenants.weights()
    assert (weights.by_tenant, weights.total) == ({"big": 3, "small": 1}, 4)
    assert tenants.weights() is weights
    assert [weights.share(name, 80) for name in ("big", "small")] == [30, 10]


@pytest.mark.parametrize("weight", ["0", "101", "1.5", "true", "heavy"])
def test_a_weight_is_a_whole_number_of_at_most_a_hundred(weight: str) -> None:
    with pytest.raises(SettingsError, match=r"t\.yaml: tenant 'a': weight must be"):
        parse_tenants(f"tenants: {{a: {{weight: {weight}}}}}", "t.yaml")


@pytest.mark.parametrize("recall", ["1", "yes please", "[]"])
def test_recall_is_true_or_false(recall: str) -> None:
    with pytest.raises(SettingsError, match=r"t\.yaml: tenant 'a': recall must be true or false"):
        parse_tenants(f"tenants: {{a: {{recall: {recall}}}}}", "t.yaml")
