"""Reload of the balancer's configuration in place: tested first."""

from __future__ import annotations

from pathlib import Path

from optimus_ops.errors import OpsError, Refused
from optimus_ops.model.state import Replica
from optimus_ops.plan.steps import CheckConfig, Reload
from optimus_ops.rollout.containers import Containers
from optimus_ops.text.console import Progress

CHECK_SECONDS = 30.0


def check_config(containers: Containers, step: CheckConfig, _progress: Progress) -> None:
    """Let a running nginx test the configuration that is mounted now; its workers keep the one that they read."""
    service = step.service
    replica = _running(containers, service)
    command = containers.engine.command(replica.id)
    if not command or command[0] != "nginx":
        raise Refused(f"{service} is no nginx: its configuration can't be tested")
    _check_mounted(containers, service, replica)
    # The command itself with -t: the same file, the same directives on the command line.
    tested = containers.engine.exec(replica.id, (*command, "-t"), seconds=CHECK_SECONDS)
    if tested.code != 0:
        output = "\n".join(f"    {line}" for line in tested.stderr.strip().splitlines()[-8:])
        raise Refused(f"the configuration of {service} is broken; what runs keeps the one it has:\n{output}")


def _check_mounted(containers: Containers, service: str, replica: Replica) -> None:
    """Refuse to reload a file that is mounted by itself and was replaced, as editors do, and not written to."""
    for item in containers.stack.services[service].inputs:
        path = Path(item.path)
        if item.kind != "configuration" or not item.path or not path.is_file():
            continue
        if containers.engine.read_file(replica.id, item.target) != path.read_bytes():
            raise Refused(
                f"{replica.name} still sees the former {item.name}: the file was replaced, and is mounted by itself",
                f"mount the folder it is in; until then: cat NEW > {item.name}, or plan an outage: invoke down,"
                " then invoke up",
            )


def reload(containers: Containers, step: Reload, _progress: Progress) -> None:
    """Let nginx start workers with the new configuration; the old ones finish what they have (SIGHUP).

    Source: https://nginx.org/en/docs/control.html#reconfiguration
    """
    replica = _running(containers, step.service)
    containers.engine.signal(replica.id, "SIGHUP")
    containers.record_reload(replica.id, step.service)


def _running(containers: Containers, service: str) -> Replica:
    running = containers.observe().running(service)
    if not running:
        raise OpsError(f"{service} does not run")
    return running[0]
