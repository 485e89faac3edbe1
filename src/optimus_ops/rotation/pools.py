"""Values of a pool of keys in which one member is replaced by another."""

from __future__ import annotations

from collections.abc import Mapping

from optimus_ops.rotation.model import ValuePair
from optimus_ops.rotation.rotator import TargetFailed
from optimus_ops.secrets.pool import members
from optimus_ops.secrets.value import Secret


def with_current(pair: ValuePair, values: Mapping[str, Secret], current: Secret) -> Mapping[str, Secret]:
    """Return key -> its value with `current` in the place of either value of the pair; the rest of a pool stays.

    Raises:
        TargetFailed: neither is in the pool any more.
    """
    if pair.member is None:
        return {pair.key: current}
    found = members(values.get(pair.key))
    if pair.old not in found and pair.new not in found:
        raise TargetFailed(
            f"{pair.key} was changed while it is rotated: neither value is in it",
            "put the pool back as it was (invoke secrets.versions), then: invoke secrets.rotate --resume",
        )
    pool = dict.fromkeys(current if value in (pair.old, pair.new) else value for value in found)
    return {pair.key: Secret(",".join(value.reveal() for value in pool))}
