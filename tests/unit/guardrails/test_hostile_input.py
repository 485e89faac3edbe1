"""Input that is meant to mislead, to lead outside of the repository, or to keep a judge busy: told in one line."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.guardrails.conftest import POLICY, Checkout

PRINTING = "def show():\n    print(1)\n"
HUGE = b"x = 1\n" * 8_400_000
SECRET = "secret-of-the-host"


def new_file(name: str, text: str = "print(1)") -> bytes:
    header = f"diff --git a/{name} b/{name}\nnew file mode 100644\n--- /dev/null\n+++ b/{name}\n"
    return f"{header}@@ -0,0 +1 @@\n+{text}\n".encode()


@pytest.mark.parametrize(
    "name",
    [
        "../outside.py",
        "src/../../outside.py",
        "/outside.py",
        "src/./x.py",
        ".git/config.py",
        "src\\x.py",
        "src/\x1b[2Jx.py",
    ],
)
def test_a_diff_that_leads_outside_is_refused_in_one_line(checkout: Checkout, name: str) -> None:
    (checkout.root.parent / "outside.py").write_text(f"print('{SECRET}')\n", "utf-8")
    outcome = checkout.validate(new_file(name))
    assert (outcome.code, outcome.printed) == (2, "")
    assert str(outcome.error).isprintable()
    assert SECRET not in str(outcome.error)


def test_a_folder_that_became_a_link_is_not_followed(checkout: Checkout) -> None:
    outside = checkout.root.parent / "outside"
    outside.mkdir()
    (outside / "page.py").write_text(f"print('{SECRET}')\n", "utf-8")
    page = checkout.write("src/shop/pages/page.py", "x = 1\n")
    checkout.commit()
    diff = checkout.git("diff", "main...HEAD")
    page.unlink()
    page.parent.rmdir()
    page.parent.symlink_to(outside)
    for outcome in (checkout.check(), checkout.check(everything=True), checkout.validate(diff)):
        assert SECRET not in outcome.printed
        assert all(file != "src/shop/pages/page.py" for _, file, _ in outcome.found)


def test_links_that_lead_to_themselves_are_passed_over(checkout: Checkout) -> None:
    (checkout.root / "src/shop/loop.py").symlink_to("loop.py")
    (checkout.root / "src/shop/round").symlink_to("../shop")
    assert checkout.check().code == 0
    checkout.commit()
    assert (checkout.check().code, checkout.check(everything=True).code) == (0, 0)


def test_a_link_that_is_renamed_alone_is_no_file_that_is_not_judged(checkout: Checkout) -> None:
    checkout.git("switch", "--quiet", "main")
    (checkout.root / "src/shop/link.py").symlink_to("/etc/passwd")
    checkout.commit()
    checkout.git("switch", "--quiet", "--create", "other")
    checkout.git("mv", "src/shop/link.py", "src/shop/other_link.py")
    checkout.commit()
    diff = checkout.git("diff", "main...HEAD")
    assert b"mode" not in diff
    assert [outcome.found for outcome in (checkout.check(), checkout.check(head="HEAD"), checkout.validate(diff))] == [
        [],
        [],
        [],
    ]


@pytest.mark.parametrize("name", ["policy.yaml", "guardrails-baseline.yaml"])
def test_a_policy_or_a_baseline_that_is_a_link_is_refused_and_not_read(checkout: Checkout, name: str) -> None:
    outside = checkout.root.parent / "outside.yaml"
    outside.write_text(f"{SECRET}: 1\n", "utf-8")
    (checkout.root / name).unlink(missing_ok=True)
    (checkout.root / name).symlink_to(outside)
    outcome = checkout.check(everything=True)
    assert outcome.code == 2
    assert "link" in str(outcome.error)
    assert SECRET not in str(outcome.error)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("name", ["policy.yaml", "guardrails-baseline.yaml"])
def test_a_policy_or_a_baseline_that_is_no_file_is_refused(
    checkout: Checkout, name: str, make: Callable[[Path], None]
) -> None:
    (checkout.root / name).unlink(missing_ok=True)
    make(checkout.root / name)
    outcome = checkout.check(everything=True)
    assert outcome.code == 2
    assert f"{name} is " in str(outcome.error)


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize("make", [os.mkfifo, bind], ids=["pipe", "socket"])
def test_what_is_no_file_any_more_is_named_and_not_waited_for(
    checkout: Checkout, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = checkout.write("src/shop/page.py", PRINTING)
    checkout.commit()
    path.unlink()
    monkeypatch.chdir(path.parent)  # a socket's name is short
    make(Path(path.name))
    outcome = checkout.check()
    assert (outcome.code, outcome.printed) == (2, "")
    assert "src/shop/page.py: unsupported file type" in str(outcome.error)
    assert checkout.check(everything=True).code == 0


def test_what_git_says_of_a_folder_that_is_no_checkout_is_told(checkout: Checkout) -> None:
    (checkout.root / ".git").rename(checkout.root / "git")
    for outcome in (checkout.check(everything=True), checkout.validate(b"")):
        assert outcome.code == 2
        assert "is no git checkout" in str(outcome.error)


def test_a_file_of_50_megabytes_is_named_and_the_rest_is_judged(checkout: Checkout) -> None:
    checkout.write("src/shop/page.py", HUGE)
    checkout.write("data.txt", HUGE)
    checkout.write("src/shop/web.py", PRINTING)
    checkout.commit()
    expected = [("guardrails/not-judged", "src/shop/page.py"), ("no-prints", "src/shop/web.py")]
    assert [(rule, file) for rule, file, _ in checkout.check().found] == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp037"])
def test_files_in_encodings_that_python_does_not_read_are_named(checkout: Checkout, encoding: str) -> None:
    checkout.write("src/shop/page.py", PRINTING.encode(encoding))
    checkout.write("src/shop/web.py", PRINTING)
    found = [(rule, file) for rule, file, _ in checkout.check().found]
    assert found == [("guardrails/syntax", "src/shop/page.py"), ("no-prints", "src/shop/web.py")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (POLICY.replace("rules:", "rulez:"), "rules"),
        (POLICY.replace("src/**/*.py", "lib/**/*.py"), "no file matches"),
        (POLICY.replace("[web, store]", "[web, store, web]"), "cycle"),
        (POLICY.replace("kind: calls", "kind: call"), "calls"),
        (POLICY.replace("calls: print", "calls: []"), "at least one"),
        ("a: &a [*a]\n", ""),
        ("[" * 5000, ""),
        ("\x00", ""),
    ],
)
def test_a_policy_with_a_mistake_is_refused_with_its_place(checkout: Checkout, text: str, told: str) -> None:
    checkout.write("policy.yaml", text)
    outcome = checkout.check()
    assert outcome.code == 2
    assert told in str(outcome.error)


def test_a_policy_that_is_not_utf_8_is_refused(checkout: Checkout) -> None:
    checkout.write("policy.yaml", POLICY.encode("utf-16"))
    assert checkout.check().code == 2
