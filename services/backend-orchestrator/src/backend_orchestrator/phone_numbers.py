"""Which tenant a WhatsApp number belongs to: `whatsapp_phone_number_id` in the tenants file."""

import logging
from collections.abc import Mapping
from pathlib import Path

import yaml

from optimus_kit.file_stamp import file_stamp
from optimus_kit.settings import SettingsError

FIELD = "whatsapp_phone_number_id"

log = logging.getLogger(__name__)


def parse_phone_numbers(text: str, source: str) -> dict[str, str]:
    """Tenant name by phone number id.

    Raises:
        SettingsError: not YAML of the expected shape, or one number given to two tenants.
    """
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        raise SettingsError(f"{source}: not valid YAML") from None
    entries = document.get("tenants") if isinstance(document, dict) else None
    if not isinstance(entries, dict):
        raise SettingsError(f"{source}: a mapping `tenants: {{name: ...}}` is wanted")
    found: dict[str, str] = {}
    for tenant, entry in entries.items():
        number = str(entry.get(FIELD) or "") if isinstance(entry, dict) else ""
        if number and number in found:
            raise SettingsError(f"{source}: {FIELD} {number} is given to both {found[number]!r} and {tenant!r}")
        if number:
            found[number] = str(tenant)
    return found


class PhoneNumbers:
    """The numbers of a tenants file, read again when it changed; a file that cannot be read changes nothing.

    Raises:
        SettingsError: the file is missing or malformed at the start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = file_stamp(path)
        self._numbers = self._read()

    def current(self) -> Mapping[str, str]:
        """Tenant name by phone number id."""
        stamp = file_stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._numbers = self._read()
            except SettingsError as error:
                log.error("numbers are not changed, what was read before stays: %s", error)  # noqa: TRY400 - no trace needed
        return self._numbers

    def _read(self) -> dict[str, str]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self._path}: cannot be read ({type(error).__name__})") from None
        return parse_phone_numbers(text, str(self._path))
