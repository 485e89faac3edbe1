"""The Docker engine's host, its client, and the translation of what the client raises."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Self

from docker.errors import APIError, DockerException, NotFound

from optimus_ops.engine.client import engine_client, first_line, unreachable
from optimus_ops.engine.errors import EngineGone, EngineRefused, NoSuchThing
from optimus_ops.engine.parse import parse_time
from optimus_ops.errors import OpsError
from optimus_ops.system.process import run

PLUGIN_SECONDS = 20.0


@dataclass(frozen=True)
class DockerHost:
    """The engine's host, and the client that its API is asked with."""

    api: Any
    node: str
    root: str = ""
    memory: int = 0
    cpus: float = 0.0
    version: str = ""

    @classmethod
    def connect(cls, *, timeout: float = 60.0) -> Self:
        """Connect to the engine that the environment names (see `engine.client`)."""
        try:
            api = _client(timeout)
            info = api.info()
        except (DockerException, OSError) as error:
            raise unreachable(error) from error
        return cls(
            api,
            node=str(info.get("Name", "")),
            root=str(info.get("DockerRootDir", "")),
            memory=int(info.get("MemTotal", 0)),
            cpus=float(info.get("NCPU", 0)),
            version=str(info.get("ServerVersion", "")),
        )

    @property
    def client(self) -> Any:
        """The client, whose errors are the library's own."""
        return _Translated(self.api)

    def within(self, seconds: float | None) -> Self:
        return replace(self, api=_client(seconds))

    def answers(self) -> bool:
        try:
            return bool(self.api.ping())
        except (DockerException, OSError):
            return False

    def now(self) -> datetime | None:
        return parse_time(str(self.client.info().get("SystemTime", "")))

    def plugin_version(self, name: Literal["compose", "buildx"]) -> str | None:
        return plugin_version(name)


def plugin_version(name: Literal["compose", "buildx"]) -> str | None:
    """Return the version of a plug-in of the command line, which needs no engine; None where it is missing."""
    try:
        completed = run(["docker", name, "version"], deadline=PLUGIN_SECONDS, check=False)
    except OpsError:
        return None
    found = re.search(r"\bv?(\d+\.\S*)", completed.stdout)
    return None if completed.code else (found[1] if found else "of unknown version")


def _client(timeout: float | None) -> Any:
    api = engine_client(timeout=timeout)
    # A local socket has no proxy: looking for one at each request would cost more than the request.
    api.trust_env = not str(api.base_url).startswith("http+docker")
    return api


class _Translated:
    def __init__(self, api: Any) -> None:
        self._api = api

    def __getattr__(self, name: str) -> Callable[..., Any]:
        @translated()
        def call(*positional: Any, **named: Any) -> Any:
            return getattr(self._api, name)(*positional, **named)

        return call


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what the API's client raises into the library's errors."""
    try:
        yield
    except NotFound as error:
        raise NoSuchThing(str(error.explanation or error), error.status_code) from error
    except APIError as error:
        raise EngineRefused(str(error.explanation or error), error.status_code) from error
    except (DockerException, OSError) as error:
        raise EngineGone(first_line(error)) from error
