"""From what was asked for to the place where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.engine.observe import Docker
from optimus_ops.redis.client import NO_CREDENTIALS
from optimus_ops.redis.credentials import stack_logins
from optimus_ops.redis.discovery import SentinelDeployment, StackDeployment, UrlDeployment

if TYPE_CHECKING:
    from optimus_ops.project.settings import Project
    from optimus_ops.redis.discovery import Deployment
    from optimus_ops.redis.target import Target


def find_deployment(target: Target, project: Project) -> Deployment:
    """Return where the target is; no engine is needed for one outside of Compose.

    Raises:
        MachineLacks: a stack is wanted and no engine answers.
        Refused: the operator's secrets are malformed.
    """
    if target.url is not None:
        return UrlDeployment(target.url, target.login or NO_CREDENTIALS, target.purpose)
    if target.sentinels:
        login = target.login or NO_CREDENTIALS
        watching = target.sentinel_login or login
        own = (watching.user, watching.password) != (login.user, login.password)
        return SentinelDeployment(target.sentinels, target.master, login, watching, own)
    return stack_deployment(target, project)


def stack_deployment(target: Target, project: Project) -> StackDeployment:
    """Return the stack of Compose as a place.

    Raises:
        MachineLacks: no engine answers.
        Refused: the operator's secrets are malformed.
    """
    given = target.login
    login = stack_logins(project) if given is None else (lambda _container: given)
    return StackDeployment(Docker.connect(), project.name, login, target.master)
