"""Users of locust that make the load of a run; a platform's locustfile is one call of `locust_users`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, events, task
from locust.env import Environment
from locust.exception import StopUser

from optimus_ops.loadtest.generator.load import Load
from optimus_ops.loadtest.generator.spec import VARIABLE, GeneratorSpec, read_spec
from optimus_ops.loadtest.generator.workload import Workload
from optimus_ops.loadtest.model import Flow
from optimus_ops.loadtest.records import Recorder

FLUSH_SECONDS = 0.5


def locust_users(make_workload: Callable[[GeneratorSpec], Workload]) -> dict[str, type[FastHttpUser]]:
    """Return name -> user class for the run that the environment names, and have its records written."""
    spec = read_spec(Path(os.environ[VARIABLE]))
    load = Load(spec, make_workload(spec), Recorder(lambda line: _write(spec.records, line)))

    def start(environment: Environment, **_: Any) -> None:
        """Wait until all workers are there, so that they begin at one moment."""
        _write(spec.records, '{"ready":true}\n')
        load.begin = float(os.read(spec.begin, 64) or load.clock())
        gevent.spawn(_watch, load, environment)

    events.test_start.add_listener(start)  # type: ignore[no-untyped-call]  # locust types the class only
    events.quitting.add_listener(lambda **_: load.end())  # type: ignore[no-untyped-call]  # as above
    return _user_classes(load)


def _watch(load: Load, environment: Environment) -> None:
    """Write records while the load lasts, and end the process after it."""
    while not load.complete:
        due = load.now + FLUSH_SECONDS
        gevent.sleep(FLUSH_SECONDS)
        load.recorder.timer_delay(max(load.now - due, 0.0))
        load.recorder.flush()
    load.end()
    if environment.runner is not None:
        environment.runner.quit()


def _user_classes(load: Load) -> dict[str, type[FastHttpUser]]:
    spec = load.spec
    found = {}
    for index, tenant in enumerate(load.tenants):
        name = f"Tenant{index}"
        found[name] = _user_class(name, spec.connections, _sending(load, tenant))
    for index, flow in enumerate(flow for flow in spec.flows if flow.users):
        numbers = range(spec.worker, flow.users, spec.workers)
        if numbers:
            name = f"User{index}"
            found[name] = _user_class(name, len(numbers), _serving(load, flow, numbers))
    return found


def _sending(load: Load, tenant: str) -> Callable[[int], None]:
    return lambda _index: load.serve_arrivals(tenant)


def _serving(load: Load, flow: Flow, numbers: range) -> Callable[[int], None]:
    return lambda index: load.serve_user(flow, numbers[index])


def _user_class(name: str, count: int, serve: Callable[[int], None]) -> type[FastHttpUser]:
    started = iter(range(count))

    def serve_load(user: FastHttpUser) -> None:  # noqa: ARG001 - what locust calls a task with
        number = next(started, None)
        if number is not None:
            serve(number)
        raise StopUser

    # The connections are those of the load: locust's own client rounds and keeps what is not needed here.
    members = {"fixed_count": count, "tasks": [task(serve_load)], "host": "http://load-test", "__module__": __name__}
    return type(name, (FastHttpUser,), members)


def _write(descriptor: int, line: str) -> None:
    content = line.encode()
    while content:
        content = content[os.write(descriptor, content) :]
