"""The changes that are measured: from what to what, and how it is done here and by plain `docker compose`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.platform_under_test import Platform
from benchmarks.versions import NEW, OLD, Versions
from optimus_ops.system.wait import wait_until

SERVICE = "ai-engine"
CHANGE_SECONDS = 600.0
"""The longest that one change may take."""
ARRIVAL_SECONDS = 60.0
# Two batches of two: with one at a time (the default) all cases together would take more than 20 minutes.
BY_TWO = ("--parallelism", "2")


@dataclass(frozen=True)
class Setting:
    """How ai-engine runs: number of replicas, version of the image, value of LOG_LEVEL."""

    replicas: int = 4
    version: str = OLD
    log_level: str = "info"


@dataclass(frozen=True)
class Case:
    """One change, from a setting to another; in the words of `invoke`, `{image}` stands for the image of `after`."""

    name: str
    title: str
    before: Setting
    after: Setting
    words: tuple[str, ...]


CASES = (
    Case("scale-up", "Scale 1 → 4", Setting(1), Setting(4), ("scale", "--ai-engine", "4")),
    Case("scale-down", "Scale 4 → 1", Setting(4), Setting(1), ("scale", "--ai-engine", "1")),
    Case("deploy", "Deploy of 4", Setting(), Setting(version=NEW), ("deploy", SERVICE, "--image", "{image}", *BY_TWO)),
    Case("rollback", "Rollback of 4", Setting(version=NEW), Setting(), ("rollback", SERVICE, *BY_TWO)),
    Case("configuration", "Configuration of 4", Setting(), Setting(log_level="warning"), ("deploy", SERVICE, *BY_TWO)),
)


class Ours:
    """With `invoke`. The stack's own files say the old version all the time; deploys and rollbacks go beyond them."""

    def prepare(self, stack: Platform, images: Versions, case: Case) -> None:
        """Scale, and deploy the new version where the case begins with it."""
        stack.invoke("scale", f"--{SERVICE}", str(case.before.replicas))
        if case.before.version == NEW:
            # This one is not measured: all replicas at once, and no comparison.
            at_once = ("--parallelism", str(case.before.replicas), "--observe", "0")
            stack.invoke("deploy", SERVICE, "--image", images.ai_engine[NEW], *at_once, deadline=CHANGE_SECONDS)

    def change(self, stack: Platform, images: Versions, case: Case) -> None:
        """Run the case's own task."""
        words = [word.format(image=images.ai_engine[case.after.version]) for word in case.words]
        stack.having(LOG_LEVEL=case.after.log_level).invoke(*words, deadline=CHANGE_SECONDS)


class Plain:
    """With `docker compose up`, as its users do it: the variable changed, then `up` for the service."""

    def prepare(self, stack: Platform, images: Versions, case: Case) -> None:
        """Bring everything up and wait until it is healthy; the migrations job runs because others depend on it."""
        count = f"{SERVICE}={case.before.replicas}"
        within = self._within(stack, images, case.before)
        within.compose("up", "-d", "--no-build", "--wait", "--scale", count, *stack.lasting_services())

    def change(self, stack: Platform, images: Versions, case: Case) -> None:
        """Run `up` for ai-engine alone: what it depends on runs, and nothing else is to change."""
        count = f"{SERVICE}={case.after.replicas}"
        within = self._within(stack, images, case.after)
        within.compose("up", "-d", "--scale", count, SERVICE, deadline=CHANGE_SECONDS)

    def _within(self, stack: Platform, images: Versions, setting: Setting) -> Platform:
        return stack.having(AI_ENGINE_IMAGE=images.ai_engine[setting.version], LOG_LEVEL=setting.log_level)


Way = Ours | Plain


def wait_for_replicas(stack: Platform, images: Versions, setting: Setting) -> tuple[str, ...]:
    """Wait until ai-engine runs as it should, and return the hostnames of its replicas."""
    replicas: list[dict[str, Any]] = []

    def arrived() -> bool:
        replicas[:] = stack.ready(SERVICE)
        right = [replica for replica in replicas if is_as(replica, images, setting)]
        return len(right) == len(replicas) == setting.replicas

    if not wait_until(arrived, ARRIVAL_SECONDS, poll=0.5):
        raise RuntimeError(f"{len(replicas)} healthy replicas instead of {setting.replicas}, or not all are {setting}")
    return tuple(str(replica["Config"]["Hostname"]) for replica in replicas)


def is_as(replica: dict[str, Any], images: Versions, setting: Setting) -> bool:
    """Tell whether a container, as the engine describes it, has the image and the environment of a setting."""
    environ = replica["Config"]["Env"]
    return replica["Image"] == images.ids[setting.version] and f"LOG_LEVEL={setting.log_level}" in environ
