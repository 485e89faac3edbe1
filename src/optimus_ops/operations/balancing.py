"""Letting the balancer take a changed configuration in place: tested first, then reloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.engine.process import run
from optimus_ops.errors import OpsError, Refused

if TYPE_CHECKING:
    from optimus_ops.engine.state import Replica
    from optimus_ops.operations.containers import Containers

CHECK_SECONDS = 30.0


def check_config(containers: Containers, service: str) -> None:
    """Let a running nginx test the configuration that is mounted now, without taking it.

    The folder is mounted, so that the container sees the files as they are; what runs has read them long ago.

    Raises:
        Refused: it is broken; the message is nginx's own.
    """
    replica = _running(containers, service)
    command = containers.docker.command(replica.id)
    if not command or command[0] != "nginx":
        raise Refused(f"{service} is no nginx: nobody knows how to test its configuration")
    # The command itself with -t: the same file, the same directives on the command line.
    tested = run(["docker", "exec", replica.id, *command, "-t"], deadline=CHECK_SECONDS, check=False)
    if tested.code != 0:
        said = "\n".join(f"    {line}" for line in tested.stderr.strip().splitlines()[-8:])
        raise Refused(f"the configuration of {service} is broken; what runs keeps the one it has:\n{said}")


def reload(containers: Containers, service: str) -> None:
    """Let nginx start workers with the new configuration; the old ones finish what they have (SIGHUP).

    Source: https://nginx.org/en/docs/control.html#reconfiguration
    """
    replica = _running(containers, service)
    containers.docker.signal(replica.id, "SIGHUP")
    containers.note_configs({replica.id: service})


def _running(containers: Containers, service: str) -> Replica:
    running = containers.observe().running(service)
    if not running:
        raise OpsError(f"{service} does not run")
    return running[0]
