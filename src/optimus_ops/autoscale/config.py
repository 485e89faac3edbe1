"""`config/autoscale.yaml`: the settings of each service, each complaint with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.autoscale.model import ServiceSettings
from optimus_ops.commandline.usage import near
from optimus_ops.errors import Refused
from optimus_ops.project.yaml_nodes import Node, parse_yaml

FILE = "config/autoscale.yaml"
MOST_REPLICAS = 999
MOST_SECONDS = 86_400.0
MOST_REQUESTS = 100_000.0
HINT = "docs/autoscale.md has all settings with an example"


@dataclass(frozen=True, slots=True)
class Setting:
    """A number of the file: its field, and its bounds."""

    field: str
    least: float
    most: float
    whole: bool = False


SETTINGS: Mapping[str, Setting] = {
    "min": Setting("least", 1, MOST_REPLICAS, whole=True),
    "max": Setting("most", 1, MOST_REPLICAS, whole=True),
    "slots": Setting("slots", 1, MOST_REQUESTS, whole=True),
    "target_in_flight": Setting("target_in_flight", 0.1, MOST_REQUESTS),
    "start_up_lead": Setting("start_up_lead", 0, MOST_SECONDS),
    "cool_down": Setting("cool_down", 0, MOST_SECONDS),
    "drain_target": Setting("drain_target", 0.1, MOST_SECONDS),
}
REQUIRED = ("min", "max", "slots", "target_in_flight", "start_up_lead")


@dataclass(frozen=True)
class AutoscaleConfig:
    """The settings in the order of the file, which is the order in which services get what a budget has left.

    `places` is service -> file and line.
    """

    services: tuple[ServiceSettings, ...]
    places: Mapping[str, str]

    def of(self, name: str) -> ServiceSettings:
        """Return the settings of a service."""
        found = {settings.service: settings for settings in self.services}
        if name not in found:
            raise Refused(
                f"no settings of a service {name!r}", near(name, found, f"there are those of: {', '.join(found)}")
            )
        return found[name]


def read_config(root: Path, file: str = "") -> AutoscaleConfig:
    """Read a project's file, or another one; raise `Refused` where it is missing or says something that can't be."""
    path, name = (Path(file), file) if file else (root / FILE, FILE)
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise Refused(f"no file {name}: nothing says how services are to be scaled", HINT) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{name} can't be read: {error}") from error
    return parse_config(text, name)


def parse_config(text: str, file: str = FILE) -> AutoscaleConfig:
    """Parse the file's text."""
    root = parse_yaml(text, file)
    if root.value is None:
        raise root.error("the file is empty", HINT)
    services = root.known_items(("services",), "the file").get("services")
    if services is None or not list(services.items()):
        raise root.error("no services", HINT)
    found = tuple(_service(name, node) for name, node in services.items())
    return AutoscaleConfig(found, {name: str(node.place) for name, node in services.items()})


def _service(name: str, node: Node) -> ServiceSettings:
    given = {key: _number(key, value) for key, value in node.known_items(SETTINGS, name).items()}
    if missing := [key for key in REQUIRED if key not in given]:
        raise node.error(f"{name}: no {', '.join(missing)}", HINT)
    least, most = int(given["min"]), int(given["max"])
    if least > most:
        raise node.error(f"{name}: min {least} is above max {most}", "min is at most max")
    if given["target_in_flight"] > given["slots"]:
        raise node.error(
            f"{name}: target_in_flight {given['target_in_flight']:g} is above slots {given['slots']:g}",
            "a target beyond what a replica serves at once is never reached: requests wait instead",
        )
    fields = {SETTINGS[key].field: value for key, value in given.items()}
    return ServiceSettings(name, **{**fields, "least": least, "most": most})  # type: ignore[arg-type]  # by name


def _number(key: str, node: Node) -> float:
    setting, value = SETTINGS[key], node.value
    right = isinstance(value, int) if setting.whole else isinstance(value, int | float)
    if not right or isinstance(value, bool) or not setting.least <= value <= setting.most:
        kind = "a whole number" if setting.whole else "a number"
        raise node.error(f"{key}: {kind} from {setting.least:g} to {setting.most:g} is wanted, not {node.plain()!r}")
    return float(value)
