"""Whom to say that we are to a stack's servers: the operator's secrets, read where they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.redis.client import Credentials
from optimus_ops.secrets import dotenv, store
from optimus_ops.secrets.value import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from optimus_ops.project.settings import Project
    from optimus_ops.redis.containers import RedisContainer


def stack_logins(project: Project) -> Callable[[RedisContainer], Credentials]:
    """Return what gives the login for a container of the project.

    Raises:
        Refused: the operator's secrets are malformed.
    """
    found = store.read(project.secrets_file)
    values: Mapping[str, Secret] = (
        dotenv.parse(found.content.reveal(), project.secrets_file.name).values if found else {}
    )

    def login(container: RedisContainer) -> Credentials:
        password = values.get(container.secret) or _projected(project, container)
        return Credentials(container.login, password) if password else Credentials()

    return login


def _projected(project: Project, container: RedisContainer) -> Secret:
    """Return the secret as a service has it, for a project whose operator's file is elsewhere."""
    paths = sorted(project.secrets.glob(f"*/{container.secret}")) if container.secret else []
    found = store.read(paths[0]) if paths else None
    return found.content if found else Secret("")
