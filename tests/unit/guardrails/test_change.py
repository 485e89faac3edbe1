"""What only a change adds is its fault; what it can't know it says."""

from __future__ import annotations

from tests.unit.guardrails.conftest import POLICY, Checkout

PRINTING = "def show():\n    print(1)\n"
WAIVED = "print(1)  # guardrails: allow no-prints until 2999-01-01: a program of its own\n"


def test_a_violation_is_told_at_its_line_and_fails(checkout: Checkout) -> None:
    checkout.write("src/shop/web.py", f"import json\n\n\n{PRINTING}")
    outcome = checkout.check()
    assert (outcome.found, outcome.code) == ([("no-prints", "src/shop/web.py", 5)], 1)


def test_what_was_there_before_is_not_the_changes_fault_wherever_it_moves(checkout: Checkout) -> None:
    checkout.git("switch", "--quiet", "main")
    checkout.write("src/shop/web.py", PRINTING)
    checkout.commit()
    checkout.git("switch", "--quiet", "--create", "other")
    (checkout.root / "src/shop/web.py").unlink()
    checkout.write("src/shop/web.py", f"# moved down\n\n\n{PRINTING}\n\ndef other():\n    pass\n")
    assert (checkout.check().found, checkout.check(everything=True).code) == ([], 1)
    checkout.write("src/shop/web.py", f"{PRINTING}    print(1)\n")
    assert checkout.check().found == [("no-prints", "src/shop/web.py", 3)]


def test_a_renamed_file_keeps_its_past(checkout: Checkout) -> None:
    body = "".join(f"value_{number} = {number}\n" for number in range(20))
    checkout.git("switch", "--quiet", "main")
    checkout.write("src/shop/old/page.py", body + PRINTING)
    checkout.commit()
    checkout.git("switch", "--quiet", "--create", "other")
    (checkout.root / "src/shop/new").mkdir()
    checkout.git("mv", "src/shop/old/page.py", "src/shop/new/page.py")
    assert checkout.check().found == []
    checkout.write("src/shop/new/page.py", body + PRINTING + "print(2)\n")
    assert checkout.check().found == [("no-prints", "src/shop/new/page.py", 23)]


def test_the_merge_base_counts_and_not_the_tip_of_the_branch(checkout: Checkout) -> None:
    checkout.write("src/shop/web.py", "VALUE = 2\n")
    checkout.commit()
    checkout.git("switch", "--quiet", "main")
    checkout.write("src/shop/other.py", PRINTING)
    checkout.commit()
    checkout.git("switch", "--quiet", "change")
    assert checkout.check().found == []


def test_a_chain_that_an_unchanged_file_completes_is_told_at_the_changed_line(checkout: Checkout) -> None:
    checkout.write("src/shop_tools.py", "VALUE = 1\nimport socket\n")
    outcome = checkout.check()
    assert outcome.found == [("no-sockets-in-store", "src/shop_tools.py", 2)]
    assert outcome.document["violations"][0]["detail"] == "shop.store → shop_tools → socket"


def test_a_chain_that_was_there_stays_the_bases_when_its_modules_are_renamed(checkout: Checkout) -> None:
    checkout.git("switch", "--quiet", "main")
    checkout.write("src/shop_tools.py", "VALUE = 1\nimport socket\n")
    checkout.commit()
    checkout.git("switch", "--quiet", "--create", "other")
    checkout.git("mv", "src/shop_tools.py", "src/shop_helpers.py")
    checkout.write("src/shop/store.py", "import shop_helpers\n\n\ndef read():\n    return 1\n")
    assert checkout.check().found == []


def test_a_direct_import_is_new_where_the_base_had_but_a_chain(checkout: Checkout) -> None:
    checkout.git("switch", "--quiet", "main")
    checkout.write("src/shop_tools.py", "VALUE = 1\nimport socket\n")
    checkout.commit()
    checkout.git("switch", "--quiet", "--create", "other")
    checkout.write("src/shop_tools.py", "VALUE = 1\nimport shop_net\n")
    checkout.write("src/shop_net.py", "import socket\n")
    assert checkout.check().found == []
    checkout.write("src/shop/store.py", "import shop_tools\nimport socket\n")
    assert checkout.check().found == [("no-sockets-in-store", "src/shop/store.py", 2)]


def test_a_chain_is_told_with_its_columns_its_ends_and_its_way(checkout: Checkout) -> None:
    checkout.write("src/shop_tools.py", "from json import loads; import socket as net\n")
    (violation,) = checkout.check().document["violations"]
    assert violation["file"] == "src/shop_tools.py"
    assert [violation[name] for name in ("line", "column", "end_column")] == [1, 32, 45]
    assert violation["matched"] == "shop.store → socket"
    assert violation["detail"] == "shop.store → shop_tools → socket"


def test_a_layer_is_not_blamed_for_what_a_layer_below_it_imports(checkout: Checkout) -> None:
    checkout.write("policy.yaml", POLICY.replace("layers: [web, store]", "layers: [web, store, tools]"))
    checkout.write("src/shop/store.py", "from shop import tools\n")
    checkout.write("src/shop/tools.py", "from shop import web\n")
    assert checkout.check(everything=True).found == [("layers", "src/shop/tools.py", 1)]


def test_a_circle_is_new_once_and_is_told_at_the_import_that_closes_it(checkout: Checkout) -> None:
    checkout.git("switch", "--quiet", "main")
    circles = "{id: circles, kind: acyclic-siblings, ancestors: shop, message: m, why: w, mend: m}"
    checkout.write("policy.yaml", f"{POLICY}  - {circles}\n")
    checkout.write("src/shop/one.py", "import shop.two\n")
    checkout.write("src/shop/two.py", "import shop.one\n")
    checkout.write("src/shop/three/deep.py", "import shop.one\n")
    checkout.commit()
    checkout.git("switch", "--quiet", "--create", "other")
    checkout.write("src/shop/two.py", "import json\nfrom shop import one\n")
    assert checkout.check().found == []
    checkout.write("src/shop/one.py", "import shop.two\n\nfrom shop.three import other\n")
    checkout.write("src/shop/three/other.py", "")
    outcome = checkout.check()
    assert outcome.found == [("circles", "src/shop/one.py", 3)]
    assert outcome.document["violations"][0]["detail"] == (
        "shop.one → shop.three → shop.one by shop.one → shop.three.other, shop.three.deep → shop.one"
    )


def test_a_package_without_a_layer_is_told_once_however_it_grows(checkout: Checkout) -> None:
    checkout.git("switch", "--quiet", "main")
    checkout.write("policy.yaml", POLICY.replace("container: shop", "container: shop\n    exhaustive: true"))
    checkout.write("src/shop/page/long_name.py", "")
    checkout.commit()
    checkout.git("switch", "--quiet", "--create", "other")
    checkout.write("src/shop/page/b.py", "")
    checkout.write("src/shop/page/a.py", "")
    assert checkout.check().found == []
    (violation,) = checkout.check(everything=True).document["violations"]
    names = ("file", "line", "column", "end_column", "matched", "detail")
    expected = ["src/shop/page/a.py", 1, 1, 0, "shop.page", "shop.page is in no layer"]
    assert [violation[name] for name in names] == expected


def test_a_deleted_file_leaves_nothing(checkout: Checkout) -> None:
    checkout.write("src/shop/page.py", PRINTING)
    checkout.commit()
    checkout.git("rm", "--quiet", "src/shop/page.py")
    assert checkout.check().found == []


def test_an_upward_import_of_a_new_file_is_found_before_git_knows_it(checkout: Checkout) -> None:
    checkout.write("src/shop/store.py", "import shop.web\n")
    checkout.write("src/shop/page.py", PRINTING)
    assert checkout.check().found == [("no-prints", "src/shop/page.py", 2), ("layers", "src/shop/store.py", 1)]


def test_a_file_that_is_no_python_is_named_and_the_rest_is_judged(checkout: Checkout) -> None:
    checkout.write("src/shop/page.py", "def (:\n")
    checkout.write("src/shop/null.py", b"x = 1\0\n")
    checkout.write("src/shop/latin.py", "x = 'é'\n".encode("latin-1"))
    checkout.write("src/shop/deep.py", "(" * 5000 + ")" * 5000)
    checkout.write("src/shop/web.py", PRINTING)
    found = {(rule, file) for rule, file, _ in checkout.check().found}
    broken = {("guardrails/syntax", f"src/shop/{name}.py") for name in ("page", "null", "latin", "deep")}
    assert found == {*broken, ("no-prints", "src/shop/web.py")}


def test_a_file_that_git_takes_for_binary_is_judged(checkout: Checkout) -> None:
    checkout.write(".gitattributes", "src/shop/web.py -diff\n")
    checkout.write("src/shop/web.py", PRINTING)
    checkout.write("src/shop/null.py", b"x = 1\0\n")
    checkout.commit()
    assert b"Binary files" in checkout.git("diff", "main...HEAD")
    expected = [("guardrails/syntax", "src/shop/null.py"), ("no-prints", "src/shop/web.py")]
    for outcome in (checkout.check(), checkout.validate(checkout.git("diff", "main...HEAD"))):
        assert [(rule, file) for rule, file, _ in outcome.found] == expected


def test_long_expressions_and_chains_of_branches_are_judged(checkout: Checkout) -> None:
    branches = "if x == 0:\n    pass\n" + "".join(f"elif x == {number}:\n    pass\n" for number in range(300))
    checkout.write("src/shop/page.py", "x = " + "1 + " * 600 + "print(1)\n" + branches)
    assert checkout.check().found == [("no-prints", "src/shop/page.py", 1)]


def test_other_encodings_and_line_ends_are_read(checkout: Checkout) -> None:
    checkout.write("src/shop/page.py", "# coding: latin-1\nx = 'é'; print(x)\n".encode("latin-1"))
    checkout.write("src/shop/web.py", "\ufeffdef f():\r\n    é = 1; print(é)\r\n")
    outcome = checkout.check()
    assert [(each["file"], each["line"], each["column"]) for each in outcome.document["violations"]] == [
        ("src/shop/page.py", 2, 10),
        ("src/shop/web.py", 2, 12),
    ]


def test_line_ends_that_git_converts_are_no_change(checkout: Checkout) -> None:
    checkout.git("switch", "--quiet", "main")
    checkout.write(".gitattributes", "*.py text eol=crlf\n")
    checkout.write("src/shop/web.py", PRINTING.replace("\n", "\r\n"))
    checkout.commit()
    checkout.git("switch", "--quiet", "--create", "other")
    checkout.write("src/shop/web.py", f"{PRINTING}print(2)\n".replace("\n", "\r\n"))
    assert checkout.check().found == [("no-prints", "src/shop/web.py", 3)]


def test_a_huge_file_is_told_and_not_read_as_code(checkout: Checkout) -> None:
    checkout.write("src/shop/page.py", "x = 1\n" * 400_000)
    assert checkout.check().found == [("guardrails/not-judged", "src/shop/page.py", 0)]


def test_links_are_not_followed_out_of_the_repository(checkout: Checkout) -> None:
    outside = checkout.root.parent / "outside.py"
    outside.write_text(PRINTING, "utf-8")
    (checkout.root / "src/shop/link.py").symlink_to(outside)
    (checkout.root / "src/shop/loop").symlink_to(checkout.root / "src")
    assert checkout.check().found == []
    checkout.commit()
    assert (checkout.check().found, checkout.check(everything=True).found) == ([], [])


def test_a_file_that_became_a_link_is_a_file_no_more(checkout: Checkout) -> None:
    path = checkout.write("src/shop/page.py", PRINTING)
    checkout.commit()
    path.unlink()
    path.symlink_to(checkout.root.parent / "outside.py")
    assert (checkout.check().found, checkout.check(everything=True).found) == ([], [])


def test_files_that_have_to_change_together(checkout: Checkout) -> None:
    rule = (
        "\n  - {id: generated, kind: together, files: [api/*.yaml], also: [src/shop_tools.py, src/shop/web.py],"
        " message: not generated anew, why: w, mend: generate}\n"
    )
    checkout.write("policy.yaml", POLICY.rstrip() + rule)
    checkout.write("api/a.yaml", "x: 1\n")
    (violation,) = checkout.check().document["violations"]
    names = ("rule", "file", "line", "end_column", "matched", "detail")
    told = "api/a.yaml changed without src/shop_tools.py or src/shop/web.py"
    assert [violation[name] for name in names] == ["generated", "api/a.yaml", 0, 0, "", told]
    checkout.write("src/shop_tools.py", "VALUE = 2\n")
    assert checkout.check().found == []


def test_a_waiver_does_not_govern_the_change_that_adds_it(checkout: Checkout) -> None:
    checkout.write("src/shop/web.py", WAIVED)
    outcome = checkout.check()
    assert outcome.found == [("no-prints", "src/shop/web.py", 1)]
    assert outcome.document["violations"][0]["notes"] == ["a waiver does not govern the change that adds it"]
    assert checkout.check(everything=True).code == 0


def test_a_waiver_that_is_moved_to_other_code_does_not_govern_it(checkout: Checkout) -> None:
    checkout.git("switch", "--quiet", "main")
    checkout.write("src/shop/web.py", f"{WAIVED}VALUE = 1\n")
    checkout.commit()
    checkout.git("switch", "--quiet", "--create", "moved")
    comment = WAIVED.partition("  ")[2]
    checkout.write("src/shop/web.py", f"VALUE = 1\n\n{WAIVED}")
    assert checkout.check().found == []
    checkout.write("src/shop/web.py", f"VALUE = 1\nprint(2)  {comment}")
    assert checkout.check().found == [("no-prints", "src/shop/web.py", 2)]


def test_a_waiver_covers_its_own_line_or_the_next_one_of_code(checkout: Checkout) -> None:
    above = WAIVED.partition("  ")[2]
    checkout.write("src/shop/web.py", f"{WAIVED}print(2)\n{above}# why\n\nprint(3)\nprint(4)\n")
    assert [line for _, _, line in checkout.check(everything=True).found] == [2, 7]


def test_the_bases_policy_may_let_a_waiver_govern_its_own_change_and_a_change_may_not(checkout: Checkout) -> None:
    allowing = f"same-change-waivers: true\n{POLICY}"
    checkout.write("src/shop/web.py", WAIVED)
    checkout.write("policy.yaml", allowing)
    assert checkout.check().code == 1
    checkout.git("stash", "--quiet")
    checkout.git("switch", "--quiet", "main")
    checkout.write("policy.yaml", allowing)
    checkout.commit()
    checkout.git("switch", "--quiet", "--create", "other")
    checkout.write("src/shop/web.py", WAIVED)
    assert checkout.check().code == 0


def test_waivers_that_expired_are_not_needed_or_are_malformed_are_told(checkout: Checkout) -> None:
    checkout.write(
        "src/shop/web.py",
        "# guardrails: allow no-prints until 2020-01-01: long ago\n"
        "print(1)\n"
        "# guardrails: allow no-prints until 2999-01-01: nothing here\n"
        "x = 1\n"
        "# guardrails: allow no-prints\n"
        "# guardrails: allow no-rule until 2999-01-01: nothing\n"
        "y = '# guardrails: allow'\n",
    )
    outcome = checkout.check(everything=True)
    told = [(each["rule"], each["line"], [each["message"], *each["notes"]]) for each in outcome.document["violations"]]
    assert told == [
        ("no-prints", 2, ["nothing prints", "its waiver expired on 2020-01-01"]),
        ("guardrails/waiver", 3, ["nothing needs the waiver of no-prints"]),
        ("guardrails/waiver", 5, ["a waiver needs a rule, an expiry date and a reason"]),
        ("guardrails/waiver", 6, ["no rule no-rule"]),
    ]


def test_a_rule_that_a_change_takes_out_still_warns_of_what_it_adds(checkout: Checkout) -> None:
    checkout.write("policy.yaml", POLICY.replace("calls: print", "calls: pprint.pprint"))
    checkout.write("src/shop/web.py", PRINTING)
    outcome = checkout.check()
    assert (outcome.found, outcome.code) == ([("no-prints", "src/shop/web.py", 2)], 0)
    assert outcome.document["violations"][0]["level"] == "warning"
    assert "the policy before it forbids this" in outcome.document["violations"][0]["notes"][0]
    checkout.commit()
    assert checkout.validate(checkout.git("diff", "main...HEAD")).found == outcome.found


def test_a_policy_that_only_says_more_is_no_matter_for_the_policy_before_it(checkout: Checkout) -> None:
    checkout.write("policy.yaml", POLICY.replace("calls: print", "calls: [print, eval]"))
    checkout.write("src/shop/web.py", "eval('1')\n")
    outcome = checkout.check()
    assert [(each["rule"], each["level"]) for each in outcome.document["violations"]] == [("no-prints", "error")]


def test_an_import_that_is_no_longer_for_type_checkers_alone_completes_a_chain(checkout: Checkout) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import socket\n"
    checkout.write("src/shop/store.py", text)
    checkout.commit()
    checkout.git("branch", "--force", "main")
    checkout.write("src/shop/store.py", text.replace("if TYPE_CHECKING", "if not TYPE_CHECKING"))
    assert checkout.check().found == [("no-sockets-in-store", "src/shop/store.py", 3)]


def test_a_new_module_that_takes_a_names_place_completes_a_chain(checkout: Checkout) -> None:
    checkout.write("src/shop/store/__init__.py", "from shop import web_tools\n")
    checkout.git("rm", "--quiet", "--cached", "src/shop/store.py")
    (checkout.root / "src/shop/store.py").unlink()
    checkout.commit()
    checkout.git("branch", "--force", "main")
    checkout.write("src/shop/web_tools.py", "import socket\n")
    assert [rule for rule, _, _ in checkout.check().found] == ["no-sockets-in-store"]
