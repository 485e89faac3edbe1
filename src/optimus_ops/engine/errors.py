"""Errors of a container engine: what its client raises is translated into these by the adapter, and nowhere else."""

from __future__ import annotations

from optimus_ops.errors import MissingPrerequisite, OpsError

CONNECT_HINT = "start it, or let it be installed: python3 scripts/bootstrap.py --with-docker invoke doctor"


class EngineGone(MissingPrerequisite):
    """The engine stopped answering."""

    def __init__(self, cause: str = "") -> None:
        """Name the cause and how the engine is started."""
        super().__init__("the Docker engine stopped answering" + (f" ({cause})" if cause else ""), CONNECT_HINT)


class EngineRefused(OpsError):  # noqa: N818 - named as its base: what failed
    """The engine refused a request; `status` is its HTTP status."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        """Quote the engine."""
        super().__init__(f"the Docker engine refused: {reason}")
        self.reason = reason
        self.status = status


class NoSuchThing(EngineRefused):
    """A container, image, network or file in a container is missing."""


class TooLarge(EngineRefused):
    """What was to be read is larger than the caller's limit."""


class RegistryFailed(OpsError):  # noqa: N818
    """A registry gave no answer about an image; `status` is its HTTP status, None where it wasn't reached."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        """Quote the registry."""
        super().__init__(reason)
        self.reason = reason
        self.status = status
