"""Tenants: who they are and what they may use (a YAML file), and by which key they are known (secret files)."""

import hashlib
import hmac
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from optimus_kit.errors import ApiError
from optimus_kit.file_stamp import file_stamp
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.settings import SettingsError
from optimus_kit.weights import Weights

NAME = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")
LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?\Z")
MAX_KEY_BYTES = 512
MAX_WEIGHT = 100
RECHECK_SECONDS = 1.0

log = logging.getLogger("optimus.tenants")


@dataclass(frozen=True)
class Tenant:
    """A customer of the platform.

    Args:
        name: lower-case name, part of keys in the stores.
        display_name: for people.
        requests_per_minute: sustained rate.
        burst: requests that may come at once on top of the rate.
        concurrent_requests: requests in flight over all replicas.
        queued_messages: messages that wait for their answers.
        weight: of two tenants that both want more than there is, each has a part by its weight.
        locale: language of its prompts, such as pt-BR; "" for that of each prompt.
        recall: whether messages are answered with what memory-engine remembers, of whichever customer it is.
    """

    name: str
    display_name: str
    requests_per_minute: int = 600
    burst: int = 60
    concurrent_requests: int = 32
    queued_messages: int = 10_000
    weight: int = 1
    locale: str = ""
    recall: bool = False


def key_name(tenant: str) -> str:
    """Return the name of the secret that holds the tenant's key."""
    return f"TENANT_{tenant.upper().replace('-', '_')}_API_KEY"


def parse_tenants(text: str, source: str) -> tuple[Tenant, ...]:
    """Parse the tenants file.

    Raises:
        SettingsError: naming `source`, the tenant and the field that is wrong.
    """
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1})" if mark else ""
        raise SettingsError(f"{source}: not valid YAML{place}") from None
    entries = document.get("tenants") if isinstance(document, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise SettingsError(f"{source}: a mapping `tenants: {{name: ...}}` is wanted")
    return tuple(_tenant(str(name), entry, source) for name, entry in entries.items())


def _tenant(name: str, entry: Any, source: str) -> Tenant:
    where = f"{source}: tenant {name!r}"
    if not NAME.match(name):
        raise SettingsError(f"{where}: a name is lower-case letters, digits and '-', at most 63, a letter first")
    entry = {} if entry is None else entry
    if not isinstance(entry, dict):
        raise SettingsError(f"{where}: a mapping is wanted")
    rate = _count(entry, "requests_per_minute", Tenant.requests_per_minute, where)
    return Tenant(
        name=name,
        display_name=str(entry.get("display_name") or name),
        requests_per_minute=rate,
        burst=_count(entry, "burst", max(1, rate // 10), where),
        concurrent_requests=_count(entry, "concurrent_requests", Tenant.concurrent_requests, where),
        queued_messages=_count(entry, "queued_messages", Tenant.queued_messages, where),
        weight=_weight(entry, where),
        locale=_locale(entry, where),
        recall=_switch(entry, "recall", where),
    )


def _count(entry: Mapping[str, Any], field: str, default: int, where: str) -> int:
    value = entry.get(field, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise SettingsError(f"{where}: {field} must be a whole number of at least 1")
    return value


def _weight(entry: Mapping[str, Any], where: str) -> int:
    weight = _count(entry, "weight", Tenant.weight, where)
    if weight > MAX_WEIGHT:
        raise SettingsError(f"{where}: weight must be {MAX_WEIGHT} at most")
    return weight


def _locale(entry: Mapping[str, Any], where: str) -> str:
    locale = entry.get("locale") or ""
    if not isinstance(locale, str) or (locale and not LOCALE.match(locale)):
        raise SettingsError(f"{where}: locale must be a language and a country, such as pt-BR")
    return locale


def _switch(entry: Mapping[str, Any], field: str, where: str) -> bool:
    value = entry.get(field, False)
    if not isinstance(value, bool):
        raise SettingsError(f"{where}: {field} must be true or false")
    return value


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


class Tenants:
    """The tenants that have a key, looked up by that key.

    Keys and limits are read again when a file changed, at most once per second, so that a rotated key works
    without a restart; while it is rotated, its second value is accepted as well. A file that cannot be used any more
    changes nothing: the last good state stays, and `problem` says why.
    """

    def __init__(self, tenants_file: Path, secrets: SecretWatcher, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = tenants_file
        self._secrets = secrets
        self._clock = clock
        self._checked_at = clock()
        self._stamp = file_stamp(tenants_file)
        self._all = self._read()
        self._problem: str | None = None
        self._version = -1
        self._active: tuple[tuple[tuple[bytes, ...], Tenant], ...] = ()
        self._weights = Weights()
        self._active_tenants: tuple[Tenant, ...] = ()
        self._count: Callable[[str, str], None] | None = None
        self._take_keys()

    @classmethod
    def load(cls, tenants_file: Path, secrets: SecretWatcher) -> "Tenants":
        """Read tenants and keys.

        Raises:
            SettingsError: the file is missing or malformed.
        """
        return cls(tenants_file, secrets)

    def count_keys(self, count: Callable[[str, str], None]) -> None:
        """Call `count` with tenant and "primary" or "secondary" for each request of one that has two valid keys."""
        self._count = count

    @property
    def problem(self) -> str | None:
        """Why the files as they are now are not in use; None when they are."""
        self._refresh()
        return self._problem or self._secrets.problem

    def active(self) -> tuple[Tenant, ...]:
        """Return the tenants that have a key."""
        self._refresh()
        return self._active_tenants

    def weights(self) -> Weights:
        """Return the weights of the tenants that have a key; the same object unless files changed."""
        self._refresh()
        return self._weights

    def get(self, name: str) -> Tenant | None:
        """Return the tenant of that name, whether it has a key or not."""
        self._refresh()
        return self._all.get(name)

    def key(self, name: str) -> str | None:
        """Return the tenant's key, for calls to other services on the tenant's behalf."""
        return self._secrets.get(key_name(name)) if name in self._all else None

    def authenticate(self, authorization: str | None) -> Tenant | None:
        """Return the tenant whose key the `Authorization: Bearer` header carries, else None.

        Every active tenant's digests are compared, in constant time each, so that the answer's time tells nothing.
        """
        self._refresh()
        scheme, _, key = (authorization or "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key or len(key) > MAX_KEY_BYTES:
            return None
        given = _digest(key)
        found: Tenant | None = None
        rotated = second = False
        for digests, tenant in self._active:
            for place, digest in enumerate(digests):
                if hmac.compare_digest(given, digest):
                    found, rotated, second = tenant, len(digests) > 1, place > 0
        if found and rotated and self._count:
            self._count(found.name, "secondary" if second else "primary")
        return found

    def require(self, authorization: str | None) -> Tenant:
        """Return the tenant, as `authenticate`.

        Raises:
            ApiError: 401 when there is none.
        """
        tenant = self.authenticate(authorization)
        if tenant is None:
            raise ApiError(
                401,
                "Missing or incorrect API key. Send it as `Authorization: Bearer <key>`.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return tenant

    def _refresh(self) -> None:
        now = self._clock()
        if now - self._checked_at >= RECHECK_SECONDS:
            self._checked_at = now
            self._check_file()
        self._secrets.refresh()
        if self._secrets.version != self._version:
            self._take_keys()

    def _check_file(self) -> None:
        stamp = file_stamp(self._file)
        if stamp == self._stamp:
            return
        # Before it is read: what changes meanwhile has another stamp, and is read at the next look.
        self._stamp = stamp
        try:
            self._all = self._read()
        except SettingsError as error:
            self._problem = str(error)
            log.error("tenants are not changed, what was read before stays: %s", error)  # noqa: TRY400 - no trace needed
            return
        self._take_keys()
        if self._problem:
            log.warning("tenants are read again, the error is gone")
        self._problem = None

    def _read(self) -> dict[str, Tenant]:
        try:
            text = self._file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self._file}: cannot be read ({type(error).__name__})") from None
        return {tenant.name: tenant for tenant in parse_tenants(text, str(self._file))}

    def _take_keys(self) -> None:
        # Before they are taken: what changes meanwhile has another version.
        self._version = self._secrets.version
        keys = ((self._secrets.valid(key_name(tenant.name)), tenant) for tenant in self._all.values())
        self._active = tuple((tuple(map(_digest, valid)), tenant) for valid, tenant in keys if valid)
        self._weights = Weights({tenant.name: tenant.weight for _, tenant in self._active})
        self._active_tenants = tuple(tenant for _, tenant in self._active)
