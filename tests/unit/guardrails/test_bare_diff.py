"""A bare diff: what it leaves out comes from the checkout, and what nobody knows is said."""

from __future__ import annotations

import pytest
from tests.unit.guardrails.conftest import FILES, Checkout

PRINTING = "def show():\n    print(1)\n"


def change(checkout: Checkout) -> bytes:
    """Return the diff of a change that prints, renames, deletes and has a name that git quotes."""
    checkout.write("src/shop/web.py", f"from shop import store\n\n\n{PRINTING}")
    checkout.git("mv", "src/shop_tools.py", "src/tools.py")
    checkout.write("src/shop/文.py", "print(2)")
    checkout.commit()
    return checkout.git("diff", "main...HEAD")


FOUND = [("no-prints", "src/shop/web.py", 5), ("no-prints", "src/shop/文.py", 1)]


def test_a_diff_is_judged_where_it_is_checked_out(checkout: Checkout) -> None:
    outcome = checkout.validate(change(checkout))
    assert (outcome.found, outcome.code) == (FOUND, 1)


def test_a_diff_is_judged_where_it_is_not_applied_yet(checkout: Checkout) -> None:
    diff = change(checkout)
    checkout.git("switch", "--quiet", "main")
    assert checkout.validate(diff).found == FOUND


def test_a_diff_is_judged_by_gits_objects_where_the_files_went_on(checkout: Checkout) -> None:
    diff = change(checkout)
    checkout.write("src/shop/web.py", "# something else\n")
    checkout.write("src/shop/文.py", "# something else\n")
    assert checkout.validate(diff).found == FOUND


def test_a_file_that_nobody_knows_is_said_not_to_be_judged(checkout: Checkout) -> None:
    names = b"--- a/src/other.py\n+++ b/src/other.py\n"
    diff = b"diff --git a/src/other.py b/src/other.py\nindex 1111111..2222222 100644\n" + names
    outcome = checkout.validate(diff + b"@@ -5 +5 @@\n-x\n+print(1)\n")
    assert outcome.found == [("guardrails/not-judged", "src/other.py", 0)]
    assert "not in this checkout" in outcome.document["violations"][0]["detail"]
    assert outcome.code == 1


def test_what_a_merge_changed_is_said_not_to_be_judged(checkout: Checkout) -> None:
    combined = b"diff --cc src/shop/web.py\nindex 11,22..33\n@@@ -1,1 -1,1 +1,1 @@@\n--x\n++y\n"
    assert checkout.validate(combined).found == [("guardrails/not-judged", "src/shop/web.py", 0)]


def test_modes_submodules_and_files_that_are_not_judged_are_no_violations(checkout: Checkout) -> None:
    checkout.write("data.bin", b"\0\1")
    (checkout.root / "src/shop/web.py").chmod(0o755)
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},src/module")
    checkout.git("commit", "--quiet", "--message", "a submodule")
    checkout.git("add", "data.bin", "src/shop")
    checkout.git("commit", "--quiet", "--message", "the rest")
    assert checkout.validate(checkout.git("diff", "--binary", "main...HEAD")).code == 0


def test_an_empty_diff_is_in_order(checkout: Checkout) -> None:
    assert checkout.validate(b"").code == 0


@pytest.mark.parametrize("name", ["../outside.py", "/etc/passwd.py", ".git/config"])
def test_a_hostile_diff_reads_nothing_outside(checkout: Checkout, name: str) -> None:
    diff = f"diff --git a/{name} b/{name}\nindex 1..2 100644\n--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-a\n+b\n"
    outcome = checkout.validate(diff.encode())
    assert (outcome.code, outcome.document) == (2, {})


def test_garbage_is_refused(checkout: Checkout) -> None:
    assert checkout.validate(bytes(range(256)) * 10).code == 2


def test_a_copy_leaves_the_old_file_and_is_new_as_a_whole(checkout: Checkout) -> None:
    body = "".join(f"value_{number} = {number}\n" for number in range(20))
    checkout.git("switch", "--quiet", "main")
    checkout.write("src/shop/page.py", body + PRINTING)
    checkout.commit()
    checkout.git("switch", "--quiet", "--create", "other")
    checkout.write("src/shop/copy.py", body + PRINTING)
    checkout.write("src/shop/page.py", body + PRINTING + "# changed\n")
    checkout.commit()
    diff = checkout.git("diff", "--find-copies", "main...HEAD")
    assert b"copy from" in diff
    assert checkout.validate(diff).found == [("no-prints", "src/shop/copy.py", 22)]


def test_a_project_in_a_folder_of_its_repository_is_judged_by_its_own_paths(checkout: Checkout) -> None:
    inner = Checkout(checkout.root / "inner", checkout.capsys, checkout.monkeypatch)
    for name, text in FILES.items():
        inner.write(name, text)
    checkout.write("src/shop/web.py", PRINTING)
    inner.write("src/shop/web.py", f"# a comment\n{PRINTING}")
    checkout.commit()
    checkout.monkeypatch.setenv("OPTIMUS_ROOT", str(inner.root))
    expected = [("no-prints", "src/shop/web.py", 3)]
    assert inner.check().found == expected
    assert checkout.validate(checkout.git("diff", "main...HEAD")).found == expected
