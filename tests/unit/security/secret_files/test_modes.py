"""Who could read or replace a file of secrets: each way in is a finding, and what `secrets.init` makes has none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from optimus_ops.security.secret_files.modes import PrivatePaths, check_modes


@pytest.fixture
def paths(tmp_path: Path) -> PrivatePaths:
    """A checkout as `secrets.init` leaves it."""
    root = tmp_path / "checkout"
    state = root / ".optimus"
    web = state / "secrets" / "web"
    web.mkdir(parents=True)
    for folder, mode in ((root, 0o755), (state, 0o755), (state / "secrets", 0o700), (web, 0o755)):
        folder.chmod(mode)
    private = [write(root / ".env.secrets"), write(state / "secret-ages.key"), write(state / "rotation" / "1" / "KEY")]
    for path in private[2].parents[:2]:
        path.chmod(0o700)
    write(web / "KEY", 0o444)
    write(state / "secrets" / ".optimus-secrets", 0o644)
    write(state / "scale.log", 0o644)
    return PrivatePaths(root, (private[0],), state / "secrets", state)


def write(path: Path, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    path.chmod(mode)
    return path


def found(paths: PrivatePaths, user: int = 0) -> set[tuple[str, str]]:
    return {(finding.rule, finding.place.file) for finding in check_modes(paths, user).findings}


def test_what_secrets_init_makes_is_clean(paths: PrivatePaths) -> None:
    assert found(paths, os.geteuid()) == set()


def open_file(paths: PrivatePaths) -> None:
    paths.files[0].chmod(0o640)


def open_key(paths: PrivatePaths) -> None:
    (paths.state / "secret-ages.key").chmod(0o604)


def open_rotation(paths: PrivatePaths) -> None:
    (paths.state / "rotation" / "1").chmod(0o750)


def open_projection(paths: PrivatePaths) -> None:
    paths.projected.chmod(0o711)


def writable_projected(paths: PrivatePaths) -> None:
    (paths.projected / "web" / "KEY").chmod(0o664)


def open_backup(paths: PrivatePaths) -> None:
    write(paths.state / "secret-backups" / "a.gpg", 0o644)
    (paths.state / "secret-backups").chmod(0o700)


def open_digest_key(paths: PrivatePaths) -> None:
    write(paths.state / "configs" / "shop.key", 0o640)


def linked(paths: PrivatePaths) -> None:
    paths.files[0].rename(paths.root / "elsewhere")
    paths.files[0].symlink_to(paths.root / "elsewhere")


def named_twice(paths: PrivatePaths) -> None:
    os.link(paths.files[0], paths.root / "second")


def linked_projected(paths: PrivatePaths) -> None:
    (paths.projected / "web" / "LINK").symlink_to("/etc/hostname")


def writable_root(paths: PrivatePaths) -> None:
    paths.root.chmod(0o1777)


def writable_by_group(paths: PrivatePaths) -> None:
    paths.state.chmod(0o775)


def copy(paths: PrivatePaths) -> None:
    write(paths.root / ".env.secrets~")


def killed_writer(paths: PrivatePaths) -> None:
    write(paths.root / f".env.secrets.{'0a' * 8}.tmp")


WAYS_IN: dict[Callable[[PrivatePaths], None], set[tuple[str, str]]] = {
    open_file: {("open-to-others", ".env.secrets")},
    open_key: {("open-to-others", ".optimus/secret-ages.key")},
    open_rotation: {("open-folder", ".optimus/rotation/1")},
    open_projection: {("open-folder", ".optimus/secrets")},
    writable_projected: {("projected-mode", ".optimus/secrets/web/KEY")},
    open_backup: {("open-to-others", ".optimus/secret-backups/a.gpg")},
    open_digest_key: {("open-to-others", ".optimus/configs/shop.key")},
    linked: {("link", ".env.secrets")},
    named_twice: {("link", ".env.secrets")},
    linked_projected: {("link", ".optimus/secrets/web/LINK")},
    writable_root: {("writable-parent", ".")},
    writable_by_group: {("writable-parent", ".optimus")},
    copy: {("copy", ".env.secrets~")},
    killed_writer: {("copy", f".env.secrets.{'0a' * 8}.tmp")},
}


@pytest.mark.parametrize("way", WAYS_IN, ids=lambda way: way.__name__)
def test_each_way_in_is_found(way: Callable[[PrivatePaths], None], paths: PrivatePaths) -> None:
    way(paths)
    assert found(paths) == WAYS_IN[way]


def test_a_file_of_another_user_is_found_unless_root_looks_after_it(paths: PrivatePaths) -> None:
    assert ("owner", ".env.secrets") in found(paths, user=os.geteuid() + 4711)
    assert found(paths, user=0) == set()


def test_a_further_user_of_an_access_list_is_found(paths: PrivatePaths) -> None:
    # An entry for user 4711 (https://man7.org/linux/man-pages/man5/acl.5.html), as setfacl writes it.
    entries = ((0x01, 6, -1), (0x02, 4, 4711), (0x04, 0, -1), (0x10, 4, -1), (0x20, 0, -1))
    packed = b"".join(
        tag.to_bytes(2, "little") + bits.to_bytes(2, "little") + (who & 0xFFFFFFFF).to_bytes(4, "little")
        for tag, bits, who in entries
    )
    try:
        os.setxattr(paths.files[0], "system.posix_acl_access", (2).to_bytes(4, "little") + packed)
    except OSError:
        pytest.skip("the file system of temporary files has no access lists")
    assert ("access-list", ".env.secrets") in found(paths)
