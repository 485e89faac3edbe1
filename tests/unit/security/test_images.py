"""Vulnerable packages in images: what trivy reports, and what keeps it from its work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.security.conftest import Repository

from optimus_ops.project.settings import load_project
from optimus_ops.security.checkout_files import CheckoutFiles
from optimus_ops.security.scanner import Output
from optimus_ops.security.trivy import IMAGES


@pytest.fixture
def files(repository: Repository) -> CheckoutFiles:
    return CheckoutFiles(load_project(repository.root), ("README",))


def output(document: Any) -> Output:
    return Output(("trivy",), 0, json.dumps(document), "")


def test_each_vulnerability_of_a_package_is_a_finding_of_its_image(files: CheckoutFiles) -> None:
    known = {"VulnerabilityID": "CVE-2030-1", "PkgName": "zlib1g", "InstalledVersion": "1.2", "Severity": "CRITICAL"}
    fixed = {**known, "VulnerabilityID": "CVE-2030-2", "Severity": "UNKNOWN", "FixedVersion": "1.3", "Title": "a bug"}
    document = {"ArtifactName": "acme/api:1", "Results": [{"Vulnerabilities": [known, fixed]}, {"Target": "none"}]}
    first, second = IMAGES.read([output(document)], files)
    assert (first.id, first.severity, first.place.file) == ("trivy/CVE-2030-1", "critical", "acme/api:1")
    assert (second.severity, second.hint.split(":")[0]) == ("medium", "take 1.3")
    assert "a bug" in second.message


def test_an_image_without_packages_has_no_findings(files: CheckoutFiles) -> None:
    assert list(IMAGES.read([output({"ArtifactName": "scratch", "Results": None})], files)) == []


def test_a_project_whose_images_are_unknown_is_no_clean_scan(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trivy = tmp_path / "bin" / "trivy"
    trivy.parent.mkdir()
    trivy.write_text("#!/bin/sh\necho '{}'\n", "utf-8")
    trivy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{trivy.parent}:/usr/bin:/bin")
    outcome = repository.scan("images")
    assert outcome.code == 3
    assert "Compose" in outcome.scanner("images")["reason"]
