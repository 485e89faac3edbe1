"""docs/tracing.md names the variables that services read, with the defaults and bounds that they have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.unit.repository import CHECKOUT

from optimus_kit.settings import SettingsError
from optimus_kit.telemetry.settings import TelemetrySettings

PAGE = (CHECKOUT / "docs" / "tracing.md").read_text("utf-8")
ON = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
# OTEL_TRACES_SAMPLER_ARG is read with these samplers only.
ALSO = {"OTEL_TRACES_SAMPLER": "traceidratio"}
NUMBER = r"\d+(?:\.\d+)?"


@dataclass(frozen=True)
class Row:
    variables: tuple[str, ...]
    default: str
    accepted: str


def rows() -> Iterator[Row]:
    section = PAGE.partition("## Settings\n")[2].partition("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("| `"):
            names, default, _, accepted = (cell.strip() for cell in line.strip("|").split("|"))
            yield Row(tuple(re.findall(r"`(\w+)`", names)), default.strip("`"), accepted)


ROWS = tuple(rows())


class Noted(dict[str, str]):
    """An environment that notes what is asked of it."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        return super().__getitem__(key)


def test_it_names_each_variable_that_is_read_and_no_other() -> None:
    environ = Noted(ON | ALSO)
    TelemetrySettings.from_env(environ)
    named = [name for row in ROWS for name in row.variables]
    assert sorted(named) == sorted(name for name in environ.asked if name.startswith("OTEL_"))


@pytest.mark.parametrize(
    ("name", "default"),
    [(name, row.default) for row in ROWS for name in row.variables if re.fullmatch(r"[a-z_/]+|" + NUMBER, row.default)],
)
def test_a_default_is_what_an_unset_variable_means(name: str, default: str) -> None:
    base = ON | ({} if name == "OTEL_TRACES_SAMPLER" else ALSO)
    assert TelemetrySettings.from_env(base | {name: default}) == TelemetrySettings.from_env(base)


@pytest.mark.parametrize(
    ("name", "bounds"),
    [(name, row.accepted) for row in ROWS for name in row.variables if re.match(NUMBER + " to ", row.accepted)],
)
def test_bounds_are_those_of_the_code(name: str, bounds: str) -> None:
    low, high = bounds.split(" to ")
    for value in (low, high):
        assert TelemetrySettings.from_env(ON | ALSO | {name: value})
    for value in (str(float(low) - 0.01), f"{high}1", "x"):
        with pytest.raises(SettingsError, match=name):
            TelemetrySettings.from_env(ON | ALSO | {name: value})


@pytest.mark.parametrize("row", [row for row in ROWS if row.accepted.startswith("`") and "=" not in row.accepted])
def test_each_word_that_is_accepted_is_taken_and_others_are_refused(row: Row) -> None:
    for name in row.variables:
        for word in re.findall(r"`([a-z_/]+)`", row.accepted):
            assert TelemetrySettings.from_env(ON | {name: word})
        with pytest.raises(SettingsError, match=name):
            TelemetrySettings.from_env(ON | {name: "something"})


def test_the_metrics_that_count_losses_are_those_of_the_services() -> None:
    metrics = (CHECKOUT / "docs" / "metrics.md").read_text("utf-8")
    named = set(re.findall(r"`(otel_\w+)`", PAGE))
    assert named == set(re.findall(r"^\| `(otel_\w+)`", metrics, re.MULTILINE))


def test_the_page_of_settings_leads_there() -> None:
    assert "tracing.md#settings" in (CHECKOUT / "docs" / "configuration.md").read_text("utf-8")
