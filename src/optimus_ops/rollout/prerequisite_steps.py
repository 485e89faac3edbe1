"""Steps before anything starts: secrets, and checks of contracts, migrations and budgets."""

from __future__ import annotations

from optimus_ops.plan.steps import CheckBudgets, CheckContracts, CheckMigrations, WriteSecrets
from optimus_ops.rollout.containers import Containers, note
from optimus_ops.stack.observed_inputs import running_images
from optimus_ops.text.console import Progress


def write_secrets(containers: Containers, _step: WriteSecrets, _progress: Progress) -> None:
    """Generate missing secrets and write each service's secret files."""
    from optimus_ops.secrets.paths import SecretsPaths  # noqa: PLC0415 - costs time that most tasks don't need
    from optimus_ops.secrets.provision import ensure  # noqa: PLC0415 - as above

    ensure(SecretsPaths.of(containers.compose.project))


def check_contracts(containers: Containers, step: CheckContracts, progress: Progress) -> None:
    """Refuse versions that break what runs beside them."""
    from optimus_ops.contracts.agreement import check_deploy  # noqa: PLC0415 - as above

    images = {name: containers.stack.services[name].image for name in step.services}
    note(progress, check_deploy(containers.engine, images, running_images(containers.observe())).text)


def check_migrations(containers: Containers, step: CheckMigrations, progress: Progress) -> None:
    """Refuse migrations that take away what the running version uses."""
    from optimus_ops.migrations.lint import check_pending  # noqa: PLC0415 - as above

    note(progress, check_pending(containers.compose, containers.stack, allow_contract=step.allow_contract))


def check_connections(containers: Containers, step: CheckBudgets, _progress: Progress) -> None:
    """Refuse more database connections than there are, now that the database can be asked."""
    from optimus_ops.engine.capacity import observe_capacity  # noqa: PLC0415 - as above
    from optimus_ops.model.budget_items import BudgetPolicy  # noqa: PLC0415 - as above
    from optimus_ops.model.budgets import check_budgets  # noqa: PLC0415 - as above

    capacity = observe_capacity(containers.engine, containers.stack, containers.observe())
    policy = BudgetPolicy.of(containers.compose.project.budgets)
    check_budgets(containers.stack, dict(step.peak), capacity, requested={}, policy=policy)
