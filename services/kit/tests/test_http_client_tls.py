"""Which servers' certificates the HTTP client trusts."""

import ssl
from pathlib import Path

import pytest
import trustme
from tests.support.http_peer import peer, whole

from optimus_kit.http_client import ConnectError, HttpClient


def serving(authority: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A private CA that SSL_CERT_FILE names."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


async def test_a_private_ca_is_trusted(authority: trustme.CA) -> None:
    async with peer(whole(b"ok"), tls=serving(authority)) as server, HttpClient(server.url) as client:
        for _ in range(2):
            assert (await client.get("/models")).content == b"ok"
    assert server.connections == 1


@pytest.mark.usefixtures("authority")
async def test_another_ca_is_not() -> None:
    async with peer(whole(b"ok"), tls=serving(trustme.CA())) as server, HttpClient(server.url) as client:
        with pytest.raises(ConnectError):
            await client.get("/models")
    assert server.requests == []


async def test_a_certificate_for_another_name_is_not(authority: trustme.CA) -> None:
    async with peer(whole(b"ok"), tls=serving(authority, "other.example")) as server, HttpClient(server.url) as client:
        with pytest.raises(ConnectError):
            await client.get("/models")
    assert server.requests == []


async def test_without_a_private_ca_only_public_ones_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    async with peer(whole(b"ok"), tls=serving(trustme.CA())) as server, HttpClient(server.url) as client:
        with pytest.raises(ConnectError):
            await client.get("/models")


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_certificates_that_cannot_be_read_are_said_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, content: str | None
) -> None:
    if content:
        (tmp_path / "ca.pem").write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with peer(whole(b"ok"), tls=serving(trustme.CA())) as server, HttpClient(server.url) as client:
        with pytest.raises(ConnectError):
            await client.get("/models")
    assert "SSL_CERT_FILE cannot be used" in caplog.text
