"""Profiles: files of YAML that say what load is offered and what it is judged by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.load.rates import Stage
from optimus_ops.loadtest.flags import nearest
from optimus_ops.loadtest.judgement import FAILURES, FIGURE_NAMES
from optimus_ops.loadtest.model import (
    CONNECTIONS,
    PAUSE,
    SLOWER,
    TIMEOUT,
    FairnessRule,
    Flow,
    LoadPlatform,
    Profile,
    Threshold,
)
from optimus_ops.loadtest.records import FlowKey
from optimus_ops.project.yaml_nodes import Node, parse_yaml
from optimus_ops.text.durations import parse_duration

PROFILE_KEYS = ("summary", "duration", "timeout", "connections", "load", "objectives", "fairness", "slower")
LOAD_KEYS = ("class", "tenant", "rate", "stages", "users", "pause")
OBJECTIVE_KEYS = ("class", "tenant", *FIGURE_NAMES)
FAIRNESS_KEYS = ("quiet", "flood-begins", "p95-ratio")
MOST_RATE, MOST_USERS, MOST_CONNECTIONS = 50_000.0, 10_000, 20_000
MOST_SLOWER = 100.0


def profile_names(platform: LoadPlatform) -> tuple[str, ...]:
    """Return the names of a platform's profiles."""
    return tuple(sorted(path.stem for path in platform.profiles.glob("*.yaml")))


def read_profile(name: str, platform: LoadPlatform, root: Path) -> Profile:
    """Read a profile by its name.

    Raises:
        Refused: there is none, or something in it is wrong: file, line and the nearest key that is known are told.
    """
    names = profile_names(platform)
    if name not in names:
        raise Refused(f"--profile {name}: no such profile", nearest(name, names))
    path = platform.profiles / f"{name}.yaml"
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return parse_profile(path.read_text("utf-8"), str(shown), name, platform)


def parse_profile(text: str, file: str, name: str, platform: LoadPlatform) -> Profile:
    """Return the profile that a text describes; `read_profile` says what is raised."""
    root = parse_yaml(text, file)
    keys = root.known_items(PROFILE_KEYS, "a profile")
    for needed in ("duration", "load"):
        if needed not in keys:
            raise root.error(f"a profile needs the key {needed!r}")
    seconds = _duration(keys["duration"])
    flows = tuple(flow for item in keys["load"] for flow in _flows(item, platform))
    if not flows:
        raise keys["load"].error("no load: at least one class of requests is wanted")
    return Profile(
        name,
        flows,
        keys["summary"].text() if "summary" in keys else "",
        seconds,
        _duration(keys["timeout"]) if "timeout" in keys else TIMEOUT,
        int(_number(keys["connections"], 1, MOST_CONNECTIONS)) if "connections" in keys else CONNECTIONS,
        tuple(found for item in keys.get("objectives", Node([], root.place)) for found in _thresholds(item, platform)),
        _fairness(keys["fairness"], seconds, platform) if "fairness" in keys else None,
        _number(keys["slower"], 1, MOST_SLOWER) if "slower" in keys else SLOWER,
    )


def _flows(node: Node, platform: LoadPlatform) -> Iterator[Flow]:
    """Give the flows of an entry; one without a tenant is divided between all of them."""
    keys = node.known_items(LOAD_KEYS, "a load")
    if "class" not in keys:
        raise node.error("a load needs the key 'class'")
    kinds = [kind for kind in ("rate", "stages", "users") if kind in keys]
    if len(kinds) != 1:
        raise node.error("a load has one of 'rate', 'stages' and 'users'")
    flow_keys = _flow_keys(keys, platform)
    parts = len(flow_keys)
    pause = _duration(keys["pause"]) if "pause" in keys else PAUSE
    users = int(_number(keys["users"], 1, MOST_USERS)) if "users" in keys else 0
    stages = _stages(keys)
    for index, key in enumerate(flow_keys):
        mine = users // parts + (index < users % parts)
        if mine or stages:
            yield Flow(key, tuple(Stage(stage.at, stage.rate / parts) for stage in stages), mine, pause)


def _flow_keys(keys: dict[str, Node], platform: LoadPlatform) -> tuple[FlowKey, ...]:
    name = _one_of(keys["class"], tuple(each.name for each in platform.classes), "class")
    by_tenants = next(each.tenants for each in platform.classes if each.name == name)
    if "tenant" in keys:
        if not by_tenants:
            raise keys["tenant"].error(f"requests of {name} are no tenant's")
        return (FlowKey(name, _one_of(keys["tenant"], platform.tenants, "tenant")),)
    return tuple(FlowKey(name, tenant) for tenant in (platform.tenants if by_tenants else ("",)))


def _stages(keys: dict[str, Node]) -> tuple[Stage, ...]:
    if "rate" in keys:
        return (Stage(0.0, _number(keys["rate"], 0, MOST_RATE)),)
    if "stages" not in keys:
        return ()
    found: list[Stage] = []
    for item in keys["stages"]:
        pair = list(item)
        if len(pair) != 2:
            raise item.error("a stage is a time and a rate", "write it as [30s, 100]")
        at = _duration(pair[0], zero=True)
        if found and at < found[-1].at:
            raise item.error("the times of stages ascend")
        found.append(Stage(at, _number(pair[1], 0, MOST_RATE)))
    if not found or found[0].at > 0:
        raise keys["stages"].error("the first stage is at 0s")
    return tuple(found)


def _thresholds(node: Node, platform: LoadPlatform) -> Iterator[Threshold]:
    keys = node.known_items(OBJECTIVE_KEYS, "an objective")
    name = _one_of(keys["class"], tuple(each.name for each in platform.classes), "class") if "class" in keys else ""
    tenant = _one_of(keys["tenant"], platform.tenants, "tenant") if "tenant" in keys else ""
    figures = [figure for figure in keys if figure in FIGURE_NAMES]
    if not figures:
        raise node.error("an objective needs a figure", f"one of: {', '.join(FIGURE_NAMES)}")
    for figure in figures:
        most = _share(keys[figure]) if figure == FAILURES else _duration(keys[figure])
        yield Threshold(FlowKey(name, tenant), figure, most)


def _fairness(node: Node, seconds: float, platform: LoadPlatform) -> FairnessRule:
    keys = node.known_items(FAIRNESS_KEYS, "fairness")
    for needed in FAIRNESS_KEYS:
        if needed not in keys:
            raise node.error(f"fairness needs the key {needed!r}")
    begins = _duration(keys["flood-begins"])
    if begins >= seconds:
        raise keys["flood-begins"].error("the flood begins after the end of the load")
    quiet = _one_of(keys["quiet"], platform.tenants, "tenant")
    return FairnessRule(quiet, begins, _number(keys["p95-ratio"], 1, 1000))


def _one_of(node: Node, known: tuple[str, ...], what: str) -> str:
    name = node.text()
    if name not in known:
        raise node.error(f"no {what} {name!r}", nearest(name, known))
    return name


def _duration(node: Node, *, zero: bool = False) -> float:
    text = node.text()
    if zero and text in {"0", "0s"}:
        return 0.0
    return _told(node, lambda: parse_duration(text, ""))


def _number(node: Node, least: float, most: float) -> float:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise node.error(f"a number from {least:g} to {most:g} is wanted, not {node.text()!r}")
    return float(value)


def _share(node: Node) -> float:
    text = node.text()
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise node.error(f"a share from 0% to 100% is wanted, not {text!r}")
    return share


def _told(node: Node, parse: Callable[[], float]) -> float:
    """Put the place before what is refused."""
    try:
        return parse()
    except Refused as error:
        raise node.error(error.message.strip(), error.hint) from error
