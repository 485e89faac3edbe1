"""What must not be in an image is found in every layer, whatever a later one deletes, and its value is never shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.fakes.images import write_archive

from optimus_ops.checks.model import Check
from optimus_ops.errors import OpsError
from optimus_ops.images.content_checks import content_checks
from optimus_ops.images.image_archive import image_configuration, layer_files
from optimus_ops.images.known_secrets import passwords_in

SECRET = "t0p-secret-value-of-a-test"


def checks_of(
    folder: Path, *layers: Mapping[str, bytes], configuration: bytes = b"{}", secrets: Mapping[str, str] | None = None
) -> dict[str, Check]:
    archive = folder / "image.tar"
    write_archive(archive, configuration, layers)
    found = content_checks("shop:1", image_configuration(archive), layer_files(archive), secrets or {})
    return {check.name: check for check in found}


def test_an_ordinary_image_passes(tmp_path: Path) -> None:
    ordinary = {
        "usr/bin/python3": b"elf",
        "usr/share/gcc/python/printers.py": b"x",
        "opt/venv/lib/python3.13/site-packages/uvloop/handles/pipe.pyx": b"x",
        "var/lib/apt/lists/lock": b"",
        "etc/ssl/certs/ca.pem": b"x",
        "opt/app/make.py": b"x",
    }
    found = checks_of(tmp_path, ordinary, {}, secrets={"REDIS_PASSWORD": SECRET})
    assert {check.verdict for check in found.values()} == {"ok"}
    assert found["compilers"].found == "none in 6 files of 1 layers"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("compilers", "usr/bin/gcc"),
        ("compilers", "usr/bin/x86_64-linux-gnu-gcc-14"),
        ("compilers", "opt/tools/bin/cargo"),
        ("caches", "root/.cache/pip/http/a"),
        ("caches", "var/cache/apt/archives/gcc_14.deb"),
        ("caches", "var/lib/apt/lists/deb.example_dists_trixie_main_binary-amd64_Packages"),
        ("caches", "tmp/requirements.txt"),
        ("secret files", "opt/app/.env"),
        ("secret files", "opt/app/.env.secrets"),
        ("secret files", "etc/pip.conf"),
        ("secret files", "root/.ssh/id_ed25519"),
        ("secret files", "run/secrets/pip_conf"),
    ],
)
def test_what_does_not_belong_there_is_found_with_its_place(tmp_path: Path, name: str, path: str) -> None:
    found = checks_of(tmp_path, {"etc/passwd": b"x"}, {f"./{path}": b"content"}, {"etc/hosts": b""})
    assert [check.name for check in found.values() if check.verdict == "failed"] == [name]
    assert found[name].found == f"/{path} (layer 2)"
    assert found[name].hint


def test_an_empty_file_where_a_secret_was_mounted_is_no_secret(tmp_path: Path) -> None:
    assert checks_of(tmp_path, {"run/secrets/pip_conf": b""})["secret files"].verdict == "ok"


def test_the_value_of_a_secret_is_found_anywhere_and_shown_nowhere(tmp_path: Path) -> None:
    layers = [{"opt/app/settings.py": f'password = "{SECRET}"'.encode()}, {"opt/app/.wh.settings.py": b""}]
    configuration = f'{{"history": [{{"created_by": "ARG P={SECRET}"}}]}}'.encode()
    found = checks_of(tmp_path, *layers, configuration=configuration, secrets={"REDIS_PASSWORD": SECRET, "LOG": "info"})
    check = found["secret values"]
    assert check.verdict == "failed"
    assert check.found == (
        "REDIS_PASSWORD in /opt/app/settings.py (layer 1), REDIS_PASSWORD in its configuration or history"
    )
    assert SECRET not in str(found)


def test_many_places_are_counted(tmp_path: Path) -> None:
    found = checks_of(tmp_path, {f"root/.cache/pip/{number}": b"x" for number in range(9)})
    assert found["caches"].found.endswith(" and 4 more")


def test_an_archive_that_is_none_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(b"no archive")
    with pytest.raises(OpsError, match="archive of an image can't be read"):
        list(layer_files(tmp_path / "image.tar"))


def test_passwords_of_package_indexes_are_taken_out_of_their_addresses() -> None:
    text = "index-url = https://me:pa55word@index.example/simple\nproxy = http://proxy.example:3128\nhttp://[broken"
    assert list(passwords_in(text)) == ["pa55word"]
