"""New random values, from the operating system's generator."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Literal

from optimus_ops.secrets.value import Secret


@dataclass(frozen=True, slots=True)
class Generator:
    """How a platform-owned secret is made: `size` random bytes as URL-safe base64 (`token`) or as `hex`."""

    kind: Literal["token", "hex"]
    size: int

    def new(self) -> Secret:
        """Return a new value."""
        make = secrets.token_urlsafe if self.kind == "token" else secrets.token_hex
        return Secret(make(self.size))
