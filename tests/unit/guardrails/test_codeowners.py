"""CODEOWNERS as GitHub reads it, and waivers that owners may add."""

from __future__ import annotations

import pytest
from tests.unit.guardrails.conftest import Checkout

from optimus_ops.guardrails.codeowners import parse_codeowners, person

TEXT = """
# who owns what
*                 @global
*.js              @js @web   # inline
/build/logs/      @doctocat
docs/*            docs@example.com
apps/             @octocat
/scripts/         @doctocat @octocat
**/logs           @logs
/apps/github
src/my\\ file.py   @blank
![a]              @nobody
"""


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("README.md", {"@global"}),
        ("src/a/b.js", {"@js", "@web"}),
        ("build/logs/x/y.txt", {"@logs"}),
        ("sub/build/logs2/x", {"@global"}),
        ("docs/a.md", {"docs@example.com"}),
        ("docs/deep/a.md", {"@global"}),
        ("sub/docs/a.md", {"@global"}),
        ("apps/x", {"@octocat"}),
        ("sub/apps/x/y", {"@octocat"}),
        ("apps/github", set()),
        ("apps/github/x", set()),
        ("deep/logs/a", {"@logs"}),
        ("scripts/a/b", {"@doctocat", "@octocat"}),
        ("sub/scripts/a", {"@global"}),
        ("src/my file.py", {"@blank"}),
    ],
)
def test_the_last_pattern_that_matches_says_who_owns_a_path(path: str, owners: set[str]) -> None:
    assert parse_codeowners(TEXT).owners(path) == owners


def test_each_author_must_own_a_path() -> None:
    owners = parse_codeowners("* @Octocat\n/docs/ writer@example.com")
    octocat, writer = person(["1+octocat@users.noreply.github.com"]), person(["Writer@example.com"])
    assert owners.owned_by("a.py", [octocat])
    assert not owners.owned_by("a.py", [octocat, writer])
    assert not owners.owned_by("docs/a.md", [octocat])
    assert owners.owned_by("docs/a.md", [writer])
    assert not owners.owned_by("a.py", [])
    assert not parse_codeowners("").owned_by("a.py", [octocat])


WAIVED = "print(1)  # guardrails: allow no-prints until 2999-01-31: shown before there is a log\n"


def adopt(checkout: Checkout, owners: str, says: str = "codeowners") -> None:
    policy = (checkout.root / "policy.yaml").read_text("utf-8")
    checkout.git("switch", "--quiet", "main")
    checkout.write("policy.yaml", policy.replace("version: 1\n", f"version: 1\nsame-change-waivers: {says}\n"))
    checkout.write(".github/CODEOWNERS", owners)
    checkout.commit()
    checkout.git("switch", "--quiet", "--force-create", "change")


def add_waiver(checkout: Checkout) -> None:
    checkout.write("src/shop/new.py", WAIVED)
    checkout.commit()


def test_a_waiver_of_an_owner_governs_the_change_that_adds_it(checkout: Checkout) -> None:
    adopt(checkout, "* test@example.com\n")
    add_waiver(checkout)
    assert checkout.check().code == 0
    assert checkout.check(head="HEAD").code == 0


def test_a_waiver_of_somebody_else_does_not(checkout: Checkout) -> None:
    adopt(checkout, "* test@example.com\n/src/shop/ @shop\n")
    add_waiver(checkout)
    assert checkout.check().code == 1
    assert checkout.check().document["violations"][0]["notes"] == ["a waiver does not govern the change that adds it"]


def test_who_is_given_counts_and_not_what_commits_claim(checkout: Checkout) -> None:
    adopt(checkout, "* @shop @org/shop\n")
    add_waiver(checkout)
    assert checkout.check().code == 1
    assert checkout.check(author="@someone,@org/SHOP").code == 0
    diff = checkout.git("diff", "main...HEAD")
    assert checkout.validate(diff).code == 1
    assert checkout.validate(diff, author="@shop").code == 0
    assert checkout.validate(diff, author="test@example.com").code == 1


def test_the_owners_before_the_change_count(checkout: Checkout) -> None:
    adopt(checkout, "* @shop\n")
    checkout.write(".github/CODEOWNERS", "* test@example.com\n")
    add_waiver(checkout)
    assert checkout.check().code == 1
    checkout.git("rm", "--quiet", ".github/CODEOWNERS")
    checkout.write("CODEOWNERS", "* test@example.com\n")
    checkout.commit()
    assert checkout.check().code == 1


def test_what_is_not_committed_is_of_whom_git_is_configured_for(checkout: Checkout) -> None:
    adopt(checkout, "* test@example.com\n")
    checkout.git("config", "user.email", "other@example.com")
    checkout.write("src/shop/new.py", WAIVED)
    assert checkout.check().code == 1
    checkout.git("config", "user.email", "TEST@example.com")
    assert checkout.check().code == 0


def test_without_the_word_of_the_policy_owners_are_nobody(checkout: Checkout) -> None:
    adopt(checkout, "* test@example.com\n", says="false")
    add_waiver(checkout)
    assert checkout.check().code == 1


OF_POLICY = """
waivers:
  - {{rule: no-prints, files: [src/shop/*.py], until: {until}, reason: it goes with the next release}}
"""


def test_a_waiver_of_the_policy_covers_its_files_until_its_day(checkout: Checkout) -> None:
    text = (checkout.root / "policy.yaml").read_text("utf-8")
    checkout.write("src/shop/new.py", "print(1)\n")
    checkout.write("policy.yaml", text + OF_POLICY.format(until="2999-01-31"))
    assert checkout.check(everything=True).code == 0
    (told,) = [each for each in checkout.check().document["violations"] if each["level"] == "error"]
    assert told["notes"] == ["a waiver does not govern the change that adds it"]
    checkout.git("switch", "--quiet", "main")
    checkout.git("add", "policy.yaml")
    checkout.git("commit", "--quiet", "--message", "waive")
    assert checkout.check().code == 0
    checkout.write("policy.yaml", text + OF_POLICY.format(until="2020-01-31"))
    (expired,) = checkout.check(everything=True).document["violations"]
    assert expired["notes"] == ["its waiver expired on 2020-01-31"]
    checkout.write("src/shop/new.py", "")
    assert [rule for rule, _, _ in checkout.check(everything=True).found] == ["guardrails/waiver"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{rule: no-print, files: [a], until: 2027-01-01, reason: r}", "no rule 'no-print'"),
        ("{rule: no-prints, files: [a], until: soon, reason: r}", "a date is expected"),
        ("{rule: no-prints, files: [a], until: 2027-01-01}", "a waiver needs the key 'reason'"),
        ("{rule: no-prints, files: [a], until: 2027-01-01, reason: ''}", "a text is expected"),
        ("{rule: no-prints, files: [nothing/**], until: 2027-01-01, reason: r}", "no file matches it"),
        ("{rule: no-prints, files: [a], until: 2027-01-01, reason: r, because: x}", "has no key 'because'"),
    ],
)
def test_a_waiver_of_the_policy_with_a_mistake_is_refused(checkout: Checkout, text: str, told: str) -> None:
    policy = (checkout.root / "policy.yaml").read_text("utf-8")
    checkout.write("policy.yaml", f"{policy}\nwaivers:\n  - {text}\n")
    outcome = checkout.check(everything=True)
    assert (outcome.code, told in str(outcome.error)) == (2, True)
