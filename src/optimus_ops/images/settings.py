"""Settings of images: `[tool.optimus-ops.images]`.

[tool.optimus-ops.images]
labels = ["com.optimus.contract"]   # labels that each built image must have
alive = ["healthcheck", "--alive"]  # ends with 0 in a container whose service answers, dependencies or not

[tool.optimus-ops.images.largest]
ai-engine = 180                     # megabytes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from optimus_ops.errors import Refused

MEGABYTE = 1000**2
WHERE = "[tool.optimus-ops.images]"


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """What is expected of built images.

    Args:
        labels: that each must have.
        alive: the command that tells in a container that its service answers; none: it has to stay up.
        largest: service -> bytes.
    """

    labels: tuple[str, ...] = ()
    alive: tuple[str, ...] = ()
    largest: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> ImageSettings:
        """Read the table; raise `Refused` where it is malformed."""
        if unknown := sorted(set(table) - {"labels", "alive", "largest"}):
            raise Refused(f"{WHERE} knows no {', '.join(unknown)}", "it has labels, alive, largest")
        largest = table.get("largest", {})
        if not isinstance(largest, dict):
            raise Refused(f"{WHERE} largest must be a table: service = megabytes")
        for service, megabytes in largest.items():
            if isinstance(megabytes, bool) or not isinstance(megabytes, int | float) or not 0 < megabytes < 1e6:
                raise Refused(f"{WHERE} largest: {service} = {megabytes!r} is no number of megabytes")
        return cls(
            labels=_words(table, "labels"),
            alive=_words(table, "alive"),
            largest={service: int(megabytes * MEGABYTE) for service, megabytes in largest.items()},
        )


def _words(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    words = table.get(key, [])
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise Refused(f"{WHERE} {key} must be a list of words")
    return tuple(words)
