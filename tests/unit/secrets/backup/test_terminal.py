"""Backups at a terminal: what is asked, what is typed without echo, and pinentry for a key that has a passphrase."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.unit.secrets.backup.material import Keyring, back_up, call_gpg
from tests.unit.secrets.samples import Checkout, state_of

CODE = """
    import fcntl, sys, termios
    from pathlib import Path
    from optimus_ops.change.options import ChangeOptions
    from optimus_ops.secrets.backup.commands import BackupRequest, RestoreRequest, back_up, restore

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    what, root, file = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    if what == "backup":
        back_up(BackupRequest(file, passphrase=True), ChangeOptions(), root)
    else:
        restore(RestoreRequest(file), ChangeOptions(), root)
    print("that was all")
"""
SECONDS = 60.0


def at_terminal(argv: Sequence[str], dialogue: Sequence[tuple[str, str]]) -> tuple[int, str]:
    """Run a program at a terminal of its own, answering each prompt; return its exit code and all that was shown."""
    ours, its = os.openpty()
    environ = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", "COLUMNS": "200"}
    program = [sys.executable, "-c", textwrap.dedent(CODE), *argv]
    process = subprocess.Popen(program, stdin=its, stdout=its, stderr=its, env=environ, start_new_session=True)
    os.close(its)
    shown, answered, until = "", 0, time.monotonic() + SECONDS
    left, readable = list(dialogue), select.poll()
    readable.register(ours, select.POLLIN)
    try:
        while time.monotonic() < until:
            # `select` takes no descriptor above 1,023.
            if not readable.poll(200):
                continue
            try:
                chunk = os.read(ours, 65536)
            except OSError:
                break
            if not chunk:
                break
            shown += chunk.decode("utf-8", "replace")
            if left and left[0][0] in shown[answered:]:
                answered = len(shown)
                os.write(ours, left.pop(0)[1].encode())
        return process.wait(timeout=SECONDS), shown
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_a_passphrase_is_typed_without_echo_and_a_restore_confirmed(
    checkout: Checkout, set_key: Callable[..., None], tmp_path: Path
) -> None:
    before, path = state_of(checkout), tmp_path / "backup.asc"

    code, shown = at_terminal(
        ("backup", str(checkout.root), str(path)),
        [("Passphrase of the backup (not shown): ", "hörse battery\n"), ("The same once more: ", "hörse battery\n")],
    )
    assert (code, "that was all" in shown, "battery" in shown) == (0, True, False)
    set_key()
    code, shown = at_terminal(
        ("restore", str(checkout.root), str(path)),
        [("Passphrase of backup.asc (not shown): ", "hörse battery\n"), ("[y/N] ", "y\n")],
    )

    assert (code, "that was all" in shown, "battery" in shown) == (0, True, False)
    assert state_of(checkout) == before


def test_pinentry_asks_for_the_passphrase_of_the_operators_key(
    checkout: Checkout, keyring: Keyring, set_key: Callable[..., None]
) -> None:
    before = state_of(checkout)
    words = ("--pinentry-mode", "loopback", "--passphrase", "key pass")
    call_gpg(
        keyring.home, *words, "--quick-generate-key", "dave <dave@example.org>", "future-default", "default", "never"
    )
    rows = call_gpg(keyring.home, "--with-colons", "--list-keys", "dave@example.org").decode().splitlines()
    path = back_up(checkout, recipients=(next(row.split(":")[9] for row in rows if row.startswith("fpr")),))
    set_key()
    # Otherwise the agent still knows it.
    subprocess.run(["gpgconf", "--homedir", str(keyring.home), "--kill", "all"], check=True)

    code, shown = at_terminal(("restore", str(checkout.root), str(path)), [("Cancel", "key pass\r"), ("[y/N] ", "y\n")])

    assert (code, "that was all" in shown) == (0, True), shown
    assert state_of(checkout) == before
    assert "key pass" not in shown
