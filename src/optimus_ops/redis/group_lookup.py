"""From what was asked for to the place where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.engine.observe import Docker
from optimus_ops.redis.client import NOBODY
from optimus_ops.redis.credentials import stack_logins
from optimus_ops.redis.discovery import SentinelPlace, StackPlace, UrlPlace

if TYPE_CHECKING:
    from optimus_ops.project.settings import Project
    from optimus_ops.redis.discovery import Place
    from optimus_ops.redis.target import Target


def place_of(target: Target, project: Project) -> Place:
    """Return where the target is; no engine is needed for one outside of Compose.

    Raises:
        MachineLacks: a stack is wanted and no engine answers.
        Refused: the operator's secrets are malformed.
    """
    if target.url is not None:
        return UrlPlace(target.url, target.login or NOBODY, target.purpose)
    if target.sentinels:
        login = target.login or NOBODY
        watching = target.sentinel_login or login
        own = (watching.user, watching.password) != (login.user, login.password)
        return SentinelPlace(target.sentinels, target.master, login, watching, own)
    return stack_place(target, project)


def stack_place(target: Target, project: Project) -> StackPlace:
    """Return the stack of Compose as a place.

    Raises:
        MachineLacks: no engine answers.
        Refused: the operator's secrets are malformed.
    """
    given = target.login
    login = stack_logins(project) if given is None else (lambda _container: given)
    return StackPlace(Docker.connect(), project.name, login, target.master)
