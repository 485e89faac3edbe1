"""Documents of what is in an image: valid, the same for the same image, and honest about licences."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.engine import FakeEngine

from optimus_ops.engine.values import Image
from optimus_ops.errors import MissingPrerequisite, OpsError, Refused
from optimus_ops.images.built_images import BuiltImage
from optimus_ops.images.sbom import make_sbom, syft
from optimus_ops.images.sbom_document import Sbom, epoch, invalid, reproducible
from optimus_ops.images.settings import ImageSettings
from optimus_ops.system.process import CommandFailed

CREATED = "2026-11-28T19:31:01.79015357Z"
DOCUMENT: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:74ef88f1-de79-4260-b42b-68cf594caa55",
    "version": 1,
    "metadata": {"timestamp": "2026-01-01T00:00:00Z"},
    "components": [
        {
            "type": "library",
            "name": "httptools",
            "version": "0.9.0",
            "purl": "pkg:pypi/httptools@0.9.0",
            "licenses": [{"license": {"id": "MIT"}}],
        },
        {"type": "library", "name": "zlib1g", "version": "1.3", "purl": "pkg:deb/debian/zlib1g@1.3?arch=amd64"},
        {"type": "operating-system", "name": "debian", "version": "13"},
    ],
}


@pytest.fixture
def engine() -> FakeEngine:
    engine = FakeEngine()
    engine.add_image("shop/web:local", "sha256:1")
    return engine


def built(created: str = CREATED) -> BuiltImage:
    return BuiltImage("web", ("web",), "shop/web:local", Image("sha256:1", created=created), "abc")


def program(folder: Path, printed: str, code: int = 0) -> str:
    """Return a program in the place of syft, that prints a text and keeps what it was asked."""
    (folder / "printed").write_text(printed)
    path = folder / "syft"
    path.write_text(f'#!/bin/sh\necho "$@" > "{folder}/asked"\ncat "{folder}/printed"\nexit {code}\n')
    path.chmod(0o755)
    return str(path)


def test_packages_are_counted_by_type_and_those_without_a_licence_are_told(engine: FakeEngine, tmp_path: Path) -> None:
    made = make_sbom(engine, built(), program(tmp_path, json.dumps(DOCUMENT)), None)
    assert made.packages == {"deb": 1, "pypi": 1}
    assert made.unlicensed == 1
    assert made.as_json(tmp_path)["path"] == str(tmp_path / "web.cdx.json")
    asked = (tmp_path / "asked").read_text()
    assert "--source-name shop/web:local --source-version sha256:1" in asked


def test_the_document_of_one_image_is_always_the_same(engine: FakeEngine, tmp_path: Path) -> None:
    other = {**DOCUMENT, "serialNumber": "urn:uuid:00000000-0000-4000-8000-000000000000"}
    texts = [make_sbom(engine, built(), program(tmp_path, json.dumps(found)), None).text for found in (DOCUMENT, other)]
    assert texts[0] == texts[1]
    assert json.loads(texts[0])["metadata"]["timestamp"] == "2026-11-28T19:31:01Z"
    assert invalid(texts[0]) == ""


def test_another_content_has_another_serial_number() -> None:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    numbers = {
        reproducible({**DOCUMENT, "components": DOCUMENT["components"][:n]}, when)["serialNumber"] for n in (1, 2)
    }
    assert len(numbers) == 2


def test_the_time_is_that_of_the_environment_where_it_says_one(engine: FakeEngine, tmp_path: Path) -> None:
    when = epoch({"SOURCE_DATE_EPOCH": "0"})
    made = make_sbom(engine, built(), program(tmp_path, json.dumps(DOCUMENT)), when)
    assert made.document["metadata"]["timestamp"] == "1970-01-01T00:00:00Z"
    assert epoch({}) is None


@pytest.mark.parametrize("text", ["yesterday", "1.5", "9" * 30])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="whole seconds since 1970"):
        epoch({"SOURCE_DATE_EPOCH": text})


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        ("no document", "syft printed no document for shop/web:local"),
        (json.dumps({**DOCUMENT, "components": [{"type": "nonsense", "name": "x"}]}), "no valid CycloneDX document"),
        (json.dumps({**DOCUMENT, "specVersion": "9.9"}), "version 9.9 is unknown"),
    ],
)
def test_a_document_that_is_not_valid_is_an_error(
    engine: FakeEngine, tmp_path: Path, printed: str, message: str
) -> None:
    with pytest.raises(OpsError, match=message):
        make_sbom(engine, built(), program(tmp_path, printed), None)


def test_a_failure_of_syft_is_told(engine: FakeEngine, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="ended with 4"):
        make_sbom(engine, built(), program(tmp_path, "", 4), None)


def test_a_missing_syft_is_a_missing_prerequisite(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPrerequisite, match="no `syft`"):
        syft()


def test_the_locked_environment_has_syft() -> None:
    assert Path(syft()).name == "syft"


def test_the_file_is_named_after_the_service() -> None:
    assert Sbom(built(), DOCUMENT).file == "web.cdx.json"


@pytest.mark.parametrize(
    "table",
    [
        {"nonsense": 1},
        {"alive": "python"},
        {"labels": [1]},
        {"largest": 3},
        {"largest": {"web": "60"}},
        {"largest": {"web": True}},
        {"largest": {"web": 0}},
    ],
)
def test_malformed_settings_are_refused(table: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"\[tool\.optimus-ops\.images\]"):
        ImageSettings.of(table)
