"""The port to the replicas that use secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from optimus_ops.secrets.value import Secret
from optimus_ops.text.console import Progress


class Replicas(Protocol):
    """Those that run, whatever comes and goes meanwhile."""

    def converge(self, values: Mapping[str, Secret], progress: Progress, *, trust_started: bool = False) -> None:
        """Return when every process of every replica that reads these keys uses these values ("": none).

        With `trust_started`, on the way back, a replica that says nothing counts where it was started after the files
        were written: it can't have read other ones.

        Raises:
            OpsError: some don't, although they were replaced.
        """


@dataclass(frozen=True)
class NoReplicas:
    """Nothing runs: there are only files."""

    reason: str = "no stack runs: only files are changed"

    def converge(
        self,
        values: Mapping[str, Secret],  # noqa: ARG002
        progress: Progress,
        *,
        trust_started: bool = False,  # noqa: ARG002
    ) -> None:
        """Say so."""
        progress.note = self.reason
