"""What steps need of other subsystems: secrets, images, contracts, migrations, budgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.stack.observed_inputs import running_images

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from optimus_ops.engine.compose import Compose
    from optimus_ops.rollout.containers import Containers
    from optimus_ops.text.console import Progress


@dataclass(frozen=True)
class Rooms:
    """What steps need of the other rooms; each is entered only when a step needs it.

    Args:
        compose: the project's files.
    """

    compose: Compose

    def write_secrets(self) -> None:
        """Complete and project the secrets."""
        from optimus_ops import secrets  # noqa: PLC0415

        secrets.ensure(*secrets.SecretsPaths.of(self.compose.project))

    def make_bases(self, images: tuple[str, ...], note: Callable[[str], None]) -> None:
        """Make stand-ins for public images."""
        from optimus_ops.images.fallback_images import ensure_bases  # noqa: PLC0415

        ensure_bases(self.compose.project.root, images, note)

    def build(self, services: tuple[str, ...], note: Callable[[str], None]) -> None:
        """Build the images of services, under the names that the Compose files say, whatever is pinned."""
        from optimus_ops.images.building import build  # noqa: PLC0415

        build(self.compose.project.root, services, self.compose.files, self.compose.environ, note)

    def observe_new(self, containers: Containers, service: str, seconds: float, progress: Progress) -> None:
        """Compare the new replicas of a service with the old ones.

        Raises:
            OpsError: the new ones are worse.
        """
        from optimus_ops.rollout.canary import observe_new  # noqa: PLC0415

        observe_new(containers, service, seconds, progress)

    def check_contracts(self, containers: Containers, services: tuple[str, ...], note: Callable[[str], None]) -> None:
        """Refuse versions that break what runs beside them."""
        from optimus_ops.contracts import check_deploy  # noqa: PLC0415

        images = {name: containers.stack.services[name].image for name in services}
        note(check_deploy(containers.docker, images, running_images(containers.observe())).text)

    def check_migrations(self, containers: Containers, *, allow_contract: bool, note: Callable[[str], None]) -> None:
        """Refuse migrations that take away what the running version uses."""
        from optimus_ops.migrations.check import check_pending  # noqa: PLC0415

        note(check_pending(containers.compose, containers.stack, allow_contract=allow_contract))

    def check_budgets(self, containers: Containers, peak: Mapping[str, int]) -> None:
        """Refuse what the database has too few connections for."""
        from optimus_ops.engine.capacity import observe_capacity  # noqa: PLC0415
        from optimus_ops.model.budgets import BudgetPolicy, check_budgets  # noqa: PLC0415

        capacity = observe_capacity(containers.docker, containers.stack, containers.observe())
        check_budgets(
            containers.stack, peak, capacity, requested={}, policy=BudgetPolicy.of(self.compose.project.budgets)
        )

    def revision(self, containers: Containers) -> str | None:
        """Return the revision of the database's schema; None if the project has no way to tell."""
        from optimus_ops.migrations.job import revision  # noqa: PLC0415

        return revision(containers.compose, containers.stack)

    def downgrade(self, containers: Containers, to: str) -> tuple[str, ...]:
        """Take migrations back to a revision, where the project has a way back; return a line each."""
        from optimus_ops.migrations.job import downgrade, revision  # noqa: PLC0415

        if revision(containers.compose, containers.stack) == to:
            return ()
        return downgrade(containers.compose, containers.stack, to)
