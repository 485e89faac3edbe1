import os
from pathlib import Path

import pytest

from backend_orchestrator.phone_numbers import PhoneNumbers, parse_phone_numbers
from optimus_kit.settings import SettingsError

REPOSITORY = Path(__file__).parents[3]


def write(path: Path, text: str, stamp: int) -> None:
    path.write_text(text)
    os.utime(path, (stamp, stamp))


def test_numbers_are_read_with_tenants_that_have_none() -> None:
    text = "tenants: {acme: {whatsapp_phone_number_id: '1'}, globex: {whatsapp_phone_number_id: 2}, plain: {}, none: }"
    assert parse_phone_numbers(text, "file") == {"1": "acme", "2": "globex"}


def test_the_demo_tenants_have_numbers() -> None:
    text = (REPOSITORY / "config" / "tenants.yaml").read_text()
    assert parse_phone_numbers(text, "file") == {"100000000000001": "acme", "100000000000002": "globex"}


@pytest.mark.parametrize(
    "text",
    ["[", "[]", "tenants: []", "tenants: {a: {whatsapp_phone_number_id: 1}, b: {whatsapp_phone_number_id: '1'}}"],
)
def test_a_malformed_file_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match="tenants-file"):
        parse_phone_numbers(text, "tenants-file")


def test_a_changed_file_is_read_again_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tenants.yaml"
    write(path, "tenants: {acme: {whatsapp_phone_number_id: '1'}}", 1)
    numbers = PhoneNumbers(path)
    write(path, "tenants: {acme: {whatsapp_phone_number_id: '2'}}", 2)
    assert numbers.current() == {"2": "acme"}
    write(path, "[", 3)
    assert numbers.current() == {"2": "acme"}
