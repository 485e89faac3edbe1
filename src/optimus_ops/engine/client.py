"""The client of the engine's API, for the engine that the `docker` command line would use.

Which one that is: `DOCKER_HOST`, else the context of `DOCKER_CONTEXT`, else the current context, else the local socket
(https://docs.docker.com/engine/manage-resources/contexts/). Compose is asked through the command line and the engine
through its API: both have to mean the same one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import docker
from docker.context import ContextAPI
from docker.context.config import get_current_context_name
from docker.errors import DockerException

from optimus_ops.engine.errors import CONNECT_HINT
from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.system.output_masking import masked

PERMISSION_HINT = "join its group (sudo usermod -aG docker $USER, then log in again), or use sudo"


def engine_client(*, timeout: float | None, environ: Mapping[str, str] | None = None) -> Any:
    """Return a client of the engine that an environment (ours if not given) names; nothing has been asked of it yet.

    `timeout` is in seconds, None for streams that never end.
    """
    environ = os.environ if environ is None else environ
    if not environ.get("DOCKER_HOST"):
        _check_context(environ)
    try:
        return docker.from_env(timeout=timeout, environment=dict(environ), use_ssh_client=True).api
    except (DockerException, OSError, ValueError) as error:
        if any(isinstance(cause, OSError) for cause in _causes(error)):
            raise unreachable(error, environ) from error
        raise Refused(f"the Docker engine's address {address_of(environ)}: {first_line(error)}") from error


def unreachable(error: Exception, environ: Mapping[str, str] | None = None) -> MissingPrerequisite:
    """Return the error that names why the engine can't be reached, by the error of the operating system."""
    where = address_of(os.environ if environ is None else environ)
    causes = [cause for cause in _causes(error) if isinstance(cause, OSError)]
    if any(isinstance(cause, PermissionError) for cause in causes):
        return MissingPrerequisite(f"no permission to use the Docker engine at {where}", PERMISSION_HINT)
    reason = next((cause.strerror for cause in reversed(causes) if cause.strerror), first_line(error))
    return MissingPrerequisite(f"no Docker engine answers at {where} ({reason})", CONNECT_HINT)


def address_of(environ: Mapping[str, str]) -> str:
    """Return where the engine is looked for, as a person would name it."""
    if host := environ.get("DOCKER_HOST"):
        return host
    name = environ.get("DOCKER_CONTEXT") or get_current_context_name()
    return "the local socket" if name == "default" else f"the context {name}"


def _check_context(environ: Mapping[str, str]) -> None:
    """Refuse a context that doesn't exist: the API's client would take the local socket in its place."""
    named = environ.get("DOCKER_CONTEXT")
    name = named or get_current_context_name()
    origin = "DOCKER_CONTEXT" if named else "the current context of ~/.docker/config.json"
    try:
        if name == "default" or ContextAPI.get_context(name) is not None:
            return
        known = ", ".join(context.name for context in ContextAPI.contexts())
    except Exception as error:
        # The API's client raises just that for a file that is no JSON.
        raise Refused(f"{origin}: context {name!r} can't be read: {first_line(error)}") from error
    raise Refused(f"{origin}: no context {name!r}", f"contexts: {known}; choose one with: docker context use NAME")


def _causes(error: BaseException | None, known: frozenset[int] = frozenset()) -> Iterator[BaseException]:
    """Yield an error, what it was raised from, and the errors that libraries keep in its arguments."""
    if error is not None and id(error) not in known:
        yield error
        for cause in (*error.args, error.__cause__, error.__context__):
            if isinstance(cause, BaseException):
                yield from _causes(cause, known | {id(error)})


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its class where it has none."""
    return masked(str(error)).splitlines()[0][:200] if str(error) else type(error).__name__
