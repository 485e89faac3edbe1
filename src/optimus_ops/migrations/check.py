"""Checking what is pending before it is run."""

from __future__ import annotations

from optimus_ops.engine.compose_port import Compose
from optimus_ops.migrations.job import SQL, pending_sql
from optimus_ops.migrations.lint import check_expand_only
from optimus_ops.migrations.sql import statements
from optimus_ops.model.stack import Stack


def check_pending(compose: Compose, stack: Stack, *, allow_contract: bool) -> str:
    """Refuse pending migrations that break the running version, unless allowed; return in a few words what was found.

    Raises:
        Refused: one does, and that is not allowed.
        OpsError: the job couldn't tell what is pending.
        MissingPrerequisite: there is no squawk, or it doesn't work.
    """
    sql = pending_sql(compose, stack)
    if sql is None:
        return f"not checked: {stack.migrations or 'the project'} has no label {SQL}"
    if found := check_expand_only(sql, allow_contract=allow_contract):
        return f"what is pending breaks the running version, as allowed: {len(found)}"
    return "what is pending only adds" if statements(sql) else "nothing pending"
