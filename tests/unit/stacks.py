"""Small stacks and states to plan with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from optimus_ops.model.merged_model import parse_stack
from optimus_ops.model.stack import PublishedPort, Stack
from optimus_ops.model.state import Replica, State, sorted_state

SCALABLE = {"com.optimus.scalable": "true"}

DOCUMENT: dict[str, Any] = {
    "name": "shop",
    "networks": {"optimus": {"name": "shop_optimus"}},
    "services": {
        "postgres": {"image": "postgres:17", "healthcheck": {"test": ["CMD", "true"]}},
        "redis": {"image": "redis:8"},
        "migrations": {
            "image": "shop/memory:local",
            "build": {"context": "."},
            "depends_on": {"postgres": {"condition": "service_healthy"}},
        },
        "memory": {
            "image": "shop/memory:local",
            "build": {"context": ".", "args": {"PYTHON_IMAGE": "python:3.12-slim", "OTHER": "x"}},
            "labels": SCALABLE,
            "environment": {"PORT": "8050"},
            "depends_on": {"migrations": {"condition": "service_completed_successfully"}},
            "stop_grace_period": "1m20s",
        },
        "ai": {
            "image": "shop/ai:local",
            "build": {"context": "."},
            "labels": SCALABLE,
            "expose": ["8010"],
            "deploy": {"resources": {"limits": {"cpus": 0.5, "memory": "268435456"}}},
        },
        "nginx-lb": {
            "image": "nginx:1.30",
            "ports": [{"target": 8010, "published": "18010", "host_ip": "127.0.0.1"}],
        },
    },
}

IMAGES = {
    name: f"sha256:{name}" for name in ("postgres:17", "redis:8", "shop/memory:local", "shop/ai:local", "nginx:1.30")
}


def stack(**changes: Any) -> Stack:
    """Return the small stack, with services changed or (None) taken out."""
    services = {name: service for name, service in {**DOCUMENT["services"], **changes}.items() if service is not None}
    return parse_stack({**DOCUMENT, "services": services}, balancer="nginx-lb", migrations="migrations")


def with_environment(stack: Stack, changes: Mapping[str, Mapping[str, str]]) -> Stack:
    """Return a stack with variables of services changed (service -> variable -> value)."""
    services = {
        name: replace(service, environment={**service.environment, **changes.get(name, {})})
        for name, service in stack.services.items()
    }
    return replace(stack, services=services)


def replica(service: str, number: int = 1, **changes: Any) -> Replica:
    """Return a running, healthy replica of what is wanted."""
    image = DOCUMENT["services"][service]["image"] if service in DOCUMENT["services"] else "x"
    facts: dict[str, Any] = {
        "id": f"{service}{number}",
        "name": f"shop-{service}-{number}",
        "service": service,
        "number": number,
        "image": image,
        "image_id": IMAGES.get(image, "sha256:x"),
        "status": "running",
        "health": "healthy",
        "hostname": f"host-{service}{number}",
        "addresses": {"shop_optimus": "172.18.0.9"},
        "started_at": None,
        "exit_code": 0,
        "node": "here",
        "published": (PublishedPort("127.0.0.1", 18010, 8010),) if service == "nginx-lb" else (),
    }
    return Replica(**{**facts, **changes})


def migrated() -> Replica:
    """Return a migrations job that ended well on the image that is there."""
    return replica("migrations", status="exited", health=None, image_id=IMAGES["shop/memory:local"])


def state(*replicas: Replica) -> State:
    """Return a state of these replicas."""
    return sorted_state("shop", replicas)


def running(**counts: int) -> State:
    """Return a whole running stack: stores, balancer, ended migrations and so many replicas of the services named."""
    fixed = [replica("postgres"), replica("redis"), replica("nginx-lb"), migrated()]
    return state(*fixed, *(replica(name, n) for name, count in counts.items() for n in range(1, count + 1)))
