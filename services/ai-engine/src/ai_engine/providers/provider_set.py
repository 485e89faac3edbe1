"""Which providers have keys now: secrets that change are taken without a restart."""

import logging
from collections.abc import Callable, Mapping, Sequence

from ai_engine.providers.base import Provider
from ai_engine.providers.pool import parse_keys
from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.settings import SettingsError

log = logging.getLogger("ai_engine.providers")


class PoolKeys:
    """The keys of one provider, as its secret holds them now.

    Args:
        secrets: of the service.
        name: of the secret.

    Raises:
        SettingsError: a key cannot be sent in a header.
    """

    def __init__(self, secrets: SecretWatcher, name: str) -> None:
        self._secrets = secrets
        self._name = name
        self._text = secrets.get(name)
        self._keys = parse_keys(self._text or "")
        for number, key in enumerate(self._keys, 1):
            if not _is_sendable(key):
                raise SettingsError(f"secret {name}: key {number} has a character that no header can hold")

    def __call__(self) -> tuple[str, ...]:
        """Return the keys; the same object unless they changed. One that cannot be sent is left out."""
        text = self._secrets.get(self._name)
        if text != self._text:
            self._text = text
            found = parse_keys(text or "")
            self._keys = tuple(filter(_is_sendable, found))
            if len(self._keys) < len(found):
                log.error("secret %s: a key with a character that no header can hold is left out", self._name)
        return self._keys


def _is_sendable(key: str) -> bool:
    return key.isascii() and key.isprintable()


class ProviderSet:
    """The providers that can be asked now. Each is made when it first has keys, and kept.

    Args:
        secrets: of the service.
        always: those that need no keys.
        keys: the keys of the others, by the provider's name.
        make: makes one of them.
    """

    def __init__(
        self,
        secrets: SecretWatcher,
        always: Sequence[Provider],
        keys: Mapping[str, Callable[[], Sequence[str]]],
        make: Callable[[str], Provider],
    ) -> None:
        self._secrets = secrets
        self._always = tuple(always)
        self._keys = keys
        self._make = make
        self._made: dict[str, Provider] = {}
        self._version = -1
        self._current: tuple[Provider, ...] = ()

    def __call__(self) -> tuple[Provider, ...]:
        """Return them in the order of the settings; the same object unless secrets changed."""
        self._secrets.refresh()
        if self._secrets.version != self._version:
            self._version = self._secrets.version
            self._current = (*self._always, *(self._provider(name) for name, keys in self._keys.items() if keys()))
        return self._current

    def _provider(self, name: str) -> Provider:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]
