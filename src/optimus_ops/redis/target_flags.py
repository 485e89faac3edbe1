"""Flags of tasks that reach Redis outside of Compose, declared once."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

HELP = {
    "url": "redis(s)://HOST:PORT of a server outside of Compose",
    "role": "what the server of --url is for: state or cache",
    "sentinel": "HOST:PORT of a sentinel outside of Compose (repeatable)",
    "master": "the name by which sentinels know the master",
    "user": "ACL user to log in as (default: the default user)",
    "password-file": "file that holds the password (default: the operator's secrets, for the stack)",
    "sentinel-user": "ACL user to log in as at sentinels, where it is another one",
    "sentinel-password-file": "file that holds the sentinels' password, where it is another one",
    "tls": "reach them over TLS: all (default), servers or sentinels; in --url, rediss:// says so",
    "ca-file": "trusted CA certificates (PEM) for servers and sentinels (default: the machine's)",
    "cert-file": "client certificate (PEM), where they want one",
    "key-file": "its key (PEM)",
    "check-hostname": "certificates must be for the address that is asked",
}
DEFAULTS: dict[str, Any] = {
    name.replace("-", "_"): {"sentinel": (), "check-hostname": True}.get(name, "") for name in HELP
}
ONE_SERVER = ("url", "role")


def task_options(*, one_server: bool = False, **own_help: str) -> dict[str, Any]:
    """Return what Invoke has to know of the flags, and the help of the task's own; `one_server` adds `ONE_SERVER`."""
    shown = {name: text for name, text in HELP.items() if one_server or name not in ONE_SERVER}
    own = {name.replace("_", "-"): text for name, text in own_help.items()}
    return {"iterable": ["sentinel"], "optional": ["tls"], "help": {**shown, **own}}


def target_flags(body: Callable[..., object], *, one_server: bool = False) -> Callable[..., object]:
    """Give a task's function the flags in place of its parameter `flags`: keywords of `Flags`."""
    defaults = {name: default for name, default in DEFAULTS.items() if one_server or name not in ONE_SERVER}

    @functools.wraps(body)
    def run(context: object, **given: Any) -> object:
        values = {name: given.pop(name, default) for name, default in defaults.items()}
        values["sentinels"] = tuple(values.pop("sentinel"))
        # A flag without a value is true.
        values["tls"] = "all" if values["tls"] is True else str(values["tls"] or "")
        return body(context, flags=values, **given)

    signature = inspect.signature(body)
    own = [parameter for name, parameter in signature.parameters.items() if name != "flags"]
    added = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=it) for name, it in defaults.items()]
    run.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]  # inspect reads it
    return run
