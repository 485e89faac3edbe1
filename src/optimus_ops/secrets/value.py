"""A secret as a type: it redacts itself wherever it is shown, so that masking is not a convention."""

from __future__ import annotations

import hmac
from typing import NoReturn

from optimus_ops.system.masking import REDACTED

__all__ = ["REDACTED", "Secret"]


class Secret:
    """A value that is shown as `[secret]`; only `reveal()` gives it away.

    It refuses to be pickled, `json.dumps` refuses it, and copies of it are itself.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value; the caller takes care that it goes into a file or a socket and nowhere else."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return REDACTED

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, specification: str) -> str:
        return format(REDACTED, specification)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")
