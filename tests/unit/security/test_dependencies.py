"""Vulnerable packages, by pip-audit against a service of our own on the loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.unit.security.conftest import Repository

from optimus_ops.project.settings import load_project
from optimus_ops.security.checkout_files import CheckoutFiles
from optimus_ops.security.locked_packages import read_pins
from optimus_ops.security.model import CouldNotRun
from optimus_ops.security.pip_audit import DEPENDENCIES
from optimus_ops.security.scanner import Output

VULNERABLE = {"jinja2": "2.10.1", "old-windows-tool": "1.0", "dated": "2024.1.5"}


class Osv(BaseHTTPRequestHandler):
    """Answers as api.osv.dev does: https://google.github.io/osv.dev/post-v1-query/."""

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name, version = query["package"]["name"], query["version"]
        known = [_vulnerability(name)] if VULNERABLE.get(name) == version else []
        body = json.dumps({"vulns": known} if known else {}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


def _vulnerability(name: str) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}]
    affected = {"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges, "versions": [VULNERABLE[name]]}
    return {
        "id": f"GHSA-{name}",
        "aliases": ["CVE-2030-1"],
        "summary": "a weakness",
        "details": "a weakness",
        "published": "2026-01-01T00:00:00Z",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [affected],
    }


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Osv)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1/query"
    monkeypatch.setenv("PIP_AUDIT_VULNERABILITY_SERVICE", "osv")
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield url
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("service")
def test_a_vulnerable_pin_is_found_in_each_file_that_has_it(repository: Repository) -> None:
    lock = "idna==3.20 \\\n    --hash=sha256:00\nJinja2==2.10.1 \\\n    --hash=sha256:00\n    # via somebody\n"
    repository.write("requirements/dev.txt", lock)
    repository.write("requirements/tools/one.txt", "idna==3.20\n")
    repository.write("notes/other.txt", "jinja2==2.10.1\n")
    repository.write("services/api/requirements.txt", "jinja2==2.10.1\n")
    outcome = repository.scan("dependencies")
    places = {(found["place"]["file"], found["place"]["line"]) for found in outcome.document["findings"]}
    assert outcome.code == 1
    assert places == {("requirements/dev.txt", 3), ("services/api/requirements.txt", 1)}
    assert {(found["severity"], found["hint"]) for found in outcome.document["findings"]} == {("high", "take 9.9")}


@pytest.mark.usefixtures("service")
def test_pins_for_other_platforms_and_several_versions_are_audited(repository: Repository) -> None:
    dated = "dated==2024.01.05\n"
    other = 'old-windows-tool==1.0 ; sys_platform == "win32"\n'
    both = 'jinja2==3.1.6 ; python_version >= "3.9"\njinja2==2.10.1 ; python_version < "3.9"\n'
    repository.write("requirements.txt", other + both + dated)
    outcome = repository.scan("dependencies")
    assert sorted(found["place"]["line"] for found in outcome.document["findings"]) == [1, 3, 4]


@pytest.mark.usefixtures("service")
def test_what_is_not_pinned_is_said(repository: Repository) -> None:
    repository.write("requirements.txt", "idna==3.20\njinja2>=2\n")
    outcome = repository.scan("dependencies")
    assert (outcome.rules, outcome.code) == (["pip-audit/not-pinned"], 0)


def test_a_version_that_pip_audit_says_nothing_of_is_no_clean_audit(repository: Repository) -> None:
    repository.write("requirements.txt", 'a==1 ; python_version < "3.9"\na==2 ; python_version >= "3.9"\nb==1\n')
    files = CheckoutFiles(load_project(repository.root), ("requirements.txt",))
    told = [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "version": "1", "vulns": []}]
    outputs = [Output(("pip-audit",), 0, json.dumps({"dependencies": found}), "") for found in (told, [])]
    with pytest.raises(CouldNotRun, match="a 2"):
        list(DEPENDENCIES.read(outputs, files))


def test_a_package_that_the_service_does_not_know_is_a_finding_of_its_line(repository: Repository) -> None:
    repository.write("requirements.txt", "a==1\nb==1\n")
    files = CheckoutFiles(load_project(repository.root), ("requirements.txt",))
    told = [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "unknown"}]
    (found,) = DEPENDENCIES.read([Output(("pip-audit",), 0, json.dumps({"dependencies": told}), "")], files)
    assert (found.id, found.severity, found.place.line) == ("pip-audit/not-audited", "low", 2)


def test_a_service_that_does_not_answer_is_no_clean_audit(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Osv) as server:
        port = server.server_port
    monkeypatch.setenv("PIP_AUDIT_VULNERABILITY_SERVICE", "osv")
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", f"http://127.0.0.1:{port}/v1/query")
    repository.write("requirements.txt", "idna==3.20\n")
    outcome = repository.scan("dependencies")
    assert outcome.code == 3
    assert outcome.scanner("dependencies")["state"] == "could not run"


def test_offline_leaves_out_the_scanners_of_the_network_by_name(repository: Repository) -> None:
    repository.write("requirements.txt", "idna==3.20\n")
    outcome = repository.scan("dependencies", "dockerfiles", offline=True)
    assert outcome.code == 0
    assert outcome.scanner("dependencies")["state"] == "left out"


def test_pins_are_read_with_options_comments_and_markers() -> None:
    text = """\
# comment
--index-url https://example.com
-r other.txt
Some_Package[extra]==1.0 ; python_version < "4"  # why
Dated==2024.01.05 \\
plain==2.0 --hash=sha256:00
any==3.*
not a requirement
"""
    found = [(pin.name, pin.version, pin.place.line) for pin in read_pins("requirements.txt", text)]
    assert found == [
        ("some-package", "1.0", 4),
        ("dated", "2024.1.5", 5),
        ("plain", "2.0", 6),
        ("any", "", 7),
        ("not a requirement", "", 8),
    ]
