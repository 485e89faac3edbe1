"""Credentials of a stack's servers, from the operator's secrets where they are kept."""

from __future__ import annotations

from collections.abc import Callable

from optimus_ops.project.settings import Project
from optimus_ops.redis.client import Credentials
from optimus_ops.redis.containers import RedisContainer
from optimus_ops.secrets import store
from optimus_ops.secrets.operator import operator_secrets
from optimus_ops.secrets.value import Secret


def stack_credentials(project: Project) -> Callable[[RedisContainer], Credentials]:
    """Return a function from a container of the project to its credentials."""
    values = operator_secrets(project)

    def credentials(container: RedisContainer) -> Credentials:
        password = values.get(container.secret) or _projected(project, container)
        return Credentials(container.login, password) if password else Credentials()

    return credentials


def _projected(project: Project, container: RedisContainer) -> Secret:
    """Return the secret as a service has it, for a project whose operator's file is elsewhere."""
    paths = sorted(project.secrets.glob(f"*/{container.secret}")) if container.secret else []
    found = store.read(paths[0]) if paths else None
    return found.content if found else Secret("")
