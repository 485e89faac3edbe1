"""Collectors behind TLS: whom an exporter trusts, and what it says of the others."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.support.fake_collector import FakeCollector, answer, collecting

from optimus_kit.settings import SettingsError
from optimus_kit.telemetry.exporter import OtlpExporter
from optimus_kit.telemetry.settings import Collector

SPAN = b"any"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@contextmanager
def https_collector(
    authority: trustme.CA, name: str = "127.0.0.1", *, clients: trustme.CA | None = None
) -> Iterator[FakeCollector]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(tls)
    if clients:
        tls.verify_mode = ssl.CERT_REQUIRED
        clients.configure_trust(tls)
    with collecting(answer(), tls=tls) as collector:
        yield collector


def export(url: str, **options: Any) -> tuple[int, list[str | None]]:
    said: list[str | None] = []
    closing = threading.Event()
    # What could be tried again is not: the first failure is what is looked at.
    closing.set()
    return OtlpExporter(Collector(url, **options), b"", closing, said.append).send([SPAN], 60.0), said


def https(collector: FakeCollector) -> str:
    return f"https://127.0.0.1:{collector.port}/v1/traces"


def pem(folder: Path, authority: trustme.CA) -> Path:
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def test_a_collector_of_a_named_authority_is_trusted(authority: trustme.CA, tmp_path: Path) -> None:
    with https_collector(authority) as collector:
        assert export(https(collector), certificate=pem(tmp_path, authority)) == (1, [None])
    assert len(collector.requests) == 1


@pytest.mark.parametrize(
    ("named", "issued_for", "said"),
    [
        (False, "127.0.0.1", "certificate: "),
        (True, "collector.example", "certificate: IP address mismatch"),
    ],
)
def test_a_collector_that_is_not_trusted_gets_nothing(
    authority: trustme.CA, tmp_path: Path, named: bool, issued_for: str, said: str
) -> None:
    trusted = {"certificate": pem(tmp_path, authority)} if named else {}
    with https_collector(authority, issued_for) as collector:
        taken, [complaint] = export(https(collector), **trusted)
    assert (taken, collector.requests) == (0, [])
    assert complaint is not None
    assert complaint.startswith(f"no TLS with the collector ({said}")


def test_a_client_shows_its_certificate_where_the_collector_wants_one(authority: trustme.CA, tmp_path: Path) -> None:
    issued = authority.issue_cert("ai-engine")
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    trusted = pem(tmp_path, authority)
    with https_collector(authority, clients=authority) as collector:
        own = {"client_certificate": certificate, "client_key": key}
        assert export(https(collector), certificate=trusted, **own) == (1, [None])
        taken, [complaint] = export(https(collector), certificate=trusted)
    assert taken == 0
    assert complaint is not None
    assert complaint.startswith("no ")


def test_a_plain_collector_at_an_https_address_is_said_to_have_no_tls() -> None:
    with collecting(answer()) as collector:
        taken, [complaint] = export(https(collector))
    assert (taken, collector.requests) == (0, [])
    assert complaint is not None
    assert complaint.startswith("no TLS with the collector")


def test_a_collector_with_tls_at_a_plain_address_takes_nothing(authority: trustme.CA) -> None:
    with https_collector(authority) as collector:
        taken, [complaint] = export(f"http://127.0.0.1:{collector.port}/v1/traces")
    assert (taken, collector.requests) == (0, [])
    assert complaint is not None


def test_a_certificate_file_that_vanishes_later_harms_nothing(authority: trustme.CA, tmp_path: Path) -> None:
    trusted, said = pem(tmp_path, authority), list[str | None]()
    with https_collector(authority) as collector:
        exporter = OtlpExporter(Collector(https(collector), certificate=trusted), b"", threading.Event(), said.append)
        trusted.unlink()
        assert exporter.send([SPAN], 60.0) == 1


def test_a_file_that_holds_no_certificate_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_CERTIFICATE"):
        export("https://127.0.0.1:1/v1/traces", certificate=tmp_path / "ca.pem")


def test_a_handshake_that_never_ends_is_left_at_the_deadline(authority: trustme.CA, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/v1/traces"
        said: list[str | None] = []
        collector = Collector(url, certificate=pem(tmp_path, authority))
        assert OtlpExporter(collector, b"", threading.Event(), said.append).send([SPAN], 0.3) == 0
    assert said == ["the collector does not answer in time"]
