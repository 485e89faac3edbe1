"""Secrets that services verify: their replicas are the target, and their files the way there."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from optimus_ops.errors import Refused
from optimus_ops.model.state import Replica
from optimus_ops.rotation.context import RotationContext
from optimus_ops.rotation.model import Validity, ValuePair
from optimus_ops.rotation.probes import (
    ProbeRequest,
    SecretProbe,
    SendRequest,
    agreed,
    counter_of,
    judge,
    load_probes,
    send_http,
)
from optimus_ops.secrets import store
from optimus_ops.secrets.entry import secondary
from optimus_ops.secrets.value import Secret
from optimus_ops.stack.context import StackContext
from optimus_ops.system.wait import run_parallel

TOKEN_BYTES = 32
USES_SECONDS = 5.0
"""For which a counter has to stand still."""


@dataclass
class VerifiedRotator:
    """Rotates a secret that services verify, each accepting both values meanwhile.

    Where no replica runs, what the services' files say is what they will accept.

    Args:
        grace: seconds for which both stay valid after all replicas have the new one.
    """

    context: RotationContext
    name: str
    grace: float
    send: SendRequest = send_http
    _probes: dict[str, tuple[SecretProbe, ...]] = field(default_factory=dict, init=False)

    def check(self, key: str, old: Secret) -> None:
        """Refuse a value of several lines: the second file has a value a line."""
        if "\n" in old.reveal():
            raise Refused(f"{key} has several lines", f"give it a value by hand: invoke secrets.set {key}")

    def mint(self, key: str, _rotation: str, _old: Secret) -> Secret:
        """Return a new value, as the schema says that it is made."""
        generator = self.context.entries[key].generator
        return generator.new() if generator else Secret(secrets.token_urlsafe(TOKEN_BYTES))

    def discard(self, _key: str, _rotation: str, _old: Secret) -> None:
        """Do nothing: nobody knows a value before it is in the files."""

    def install(self, _pair: ValuePair) -> None:
        """Do nothing: the services have read their files by now."""

    def disable(self, _pair: ValuePair, _value: Secret) -> None:
        """Do nothing, likewise."""

    def file_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        """Return the current value, and both in the second file: one file changes when the other value gets current."""
        return {pair.key: current, secondary(pair.key): Secret(f"{pair.old.reveal()}\n{pair.new.reveal()}")}

    def settled_values(self, pair: ValuePair, *, current: Secret) -> Mapping[str, Secret]:
        """Return the one value that is left."""
        return {pair.key: current, secondary(pair.key): Secret("")}

    def grace_seconds(self, _key: str) -> float:
        """Return the seconds for which whoever holds the old value may still show it."""
        return self.grace

    def probe(self, pair: ValuePair, value: Secret) -> Validity:
        """Ask every replica of every service that verifies it."""
        asked = [(probe, address) for probe in self._probes_of(pair.key) for address in self._addresses(probe.service)]
        if not asked:
            return self._by_files(pair.key, value)

        def ask(item: tuple[SecretProbe, tuple[str, int]]) -> Validity:
            probe, (host, port) = item
            status, _body = self.send(host, port, probe.request(value.reveal())) if host else (0, b"")
            return judge(status, probe)

        return agreed(run_parallel(ask, asked))

    def old_uses(self, pair: ValuePair) -> str:
        """Return how often the old value was used within the last seconds, as far as the services count that."""
        counters = [(probe.service, probe.uses(pair.key)) for probe in self._probes_of(pair.key) if probe.uses]
        if not counters:
            return ""
        before = self._counts(counters)
        self.context.clock.sleep(USES_SECONDS)
        after = self._counts(counters)
        used = sum(max(count - before.get(place, 0.0), 0.0) for place, count in after.items())
        return f"{used:.0f} uses within {USES_SECONDS:.0f} s" if used else ""

    def _counts(self, counters: list[tuple[str, str]]) -> dict[tuple[str, int, str], float]:
        found = {}
        for service, counter in counters:
            for host, port in self._addresses(service):
                _status, text = self.send(host, port, ProbeRequest("GET", "/metrics"))
                found[host, port, counter] = counter_of(text.decode("utf-8", "replace"), counter)
        return found

    def _probes_of(self, key: str) -> tuple[SecretProbe, ...]:
        if key not in self._probes:
            self._probes[key] = load_probes(self.context.project, key)
        return self._probes[key]

    def _addresses(self, service: str) -> list[tuple[str, int]]:
        """Return address and port of each replica of a service; the address "" of one that can't be asked."""
        stack = self.context.stack
        if stack is None:
            return []
        replicas = stack.docker.observe(stack.project.name, (service,)).of(service)
        port = self._port(stack, service) if replicas else 0
        return [(_address(found), port) for found in replicas if found.occupied]

    @staticmethod
    def _port(stack: StackContext, service: str) -> int:
        wanted, _state = stack.observe()
        ports = wanted.stack.services[service].ports if service in wanted.stack.services else ()
        return ports[0] if ports else 0

    def _by_files(self, key: str, value: Secret) -> Validity:
        """Return what the services' files will have them say."""
        entry, accepted = self.context.entries[key], []
        for service in entry.consumers:
            folder = self.context.paths.secrets_dir / service
            texts = [found.content.reveal() for name in (key, secondary(key)) if (found := store.read(folder / name))]
            accepted.append(value.reveal() in {line for text in texts for line in text.splitlines()})
        return agreed([Validity.VALID if found else Validity.INVALID for found in accepted] or [Validity.UNKNOWN])


def _address(replica: Replica) -> str:
    return next((address for address in replica.addresses.values() if address), "") if replica.running else ""
