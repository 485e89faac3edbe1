"""Pull policies: when a registry is asked what an image's name stands for.

Source: https://github.com/compose-spec/compose-spec/blob/main/05-services.md (pull_policy).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from optimus_ops.errors import Refused

Asking = Literal["always", "never", "by policy"]

EVERY = {"daily": 86_400.0, "weekly": 7 * 86_400.0}
UNITS = {"w": 7 * 86_400.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
PART = re.compile(r"\d+[wdhms]")
PLAIN = frozenset({"", "missing", "if_not_present", "build", "always", "never"})


@dataclass(frozen=True, slots=True)
class PullPolicy:
    """What the Compose files say of one image: their word ("" for none), and whether the project builds it.

    It is pinned where its name says by a digest which one it is.
    """

    name: str = ""
    builds: bool = False
    pinned: bool = False

    @property
    def every(self) -> float | None:
        """After how many seconds the registry is asked again; None where time plays no part."""
        if self.name in PLAIN:
            return None
        if self.name in EVERY:
            return EVERY[self.name]
        text = self.name.removeprefix("every_")
        parts = PART.findall(text)
        if text == self.name or not parts or "".join(parts) != text:
            raise Refused(
                f"pull_policy {self.name!r} is none",
                "there are: always, never, missing, if_not_present, build, daily, weekly, every_12h",
            )
        return sum(float(part[:-1]) * UNITS[part[-1]] for part in parts)

    @property
    def forbids(self) -> bool:
        """Whether the image is never pulled, not even where it is missing."""
        return self.name == "never"

    def may_ask(self, asking: Asking = "by policy") -> bool:
        """Tell whether the registry is ever asked for an image that is on this machine."""
        if asking == "never" or self.pinned:
            return False
        if asking == "always":
            return not self.builds or self.name not in {"", "build"}
        return self.name == "always" or self.every is not None

    def asks(self, tagged_at: datetime | None, now: datetime, asking: Asking = "by policy") -> bool:
        """Tell whether the registry is asked now for an image that got its name here at `tagged_at` (None: unknown).

        What the operator says goes before the policy, but for images that only a build can give.
        """
        every = None if asking == "always" else self.every
        due = every is None or tagged_at is None or (now - tagged_at).total_seconds() >= every
        return self.may_ask(asking) and due
