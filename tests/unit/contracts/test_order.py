"""The order of a deploy: at no moment do two versions run that do not fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.contracts.documents import call, contract, document, fields

from optimus_ops.contracts.agreement import agreement, contracts_to_come
from optimus_ops.contracts.compare import breaks
from optimus_ops.contracts.model import Contract
from optimus_ops.contracts.order import deploy_order
from optimus_ops.errors import Refused

TEXT = {"type": "string"}
NAMES = ("web", "ai", "memory", "billing")


def reads(*names: str) -> Any:
    return call(response=fields("*", **dict.fromkeys(names, TEXT)))


def uses(**needs: Any) -> Contract:
    return contract(needs)


def gives(*names: str) -> Contract:
    return contract(offers=reads(*names))


def test_a_provider_that_offers_more_goes_before_the_consumer_that_uses_it() -> None:
    running = {"ai": (uses(memory=reads("a")),), "memory": (gives("a"),)}
    deploying = {"ai": uses(memory=reads("a", "b")), "memory": gives("a", "b")}
    assert deploy_order(deploying, running) == ("memory", "ai")


def test_a_consumer_that_uses_less_goes_before_the_provider_that_drops_it() -> None:
    running = {"ai": (uses(memory=reads("a", "b")),), "memory": (gives("a", "b"),)}
    deploying = {"memory": gives("a"), "ai": uses(memory=reads("a"))}
    assert deploy_order(deploying, running) == ("ai", "memory")


def test_the_order_that_was_asked_for_is_kept_where_nothing_speaks_against_it() -> None:
    running = {"ai": (uses(memory=reads("a")),), "memory": (gives("a"),), "web": (None,)}
    deploying = {"web": None, "memory": gives("a", "b"), "ai": uses(memory=reads("a"))}
    assert deploy_order(deploying, running) == ("web", "memory", "ai")


def test_a_provider_that_breaks_a_running_consumer_is_refused_by_endpoint_and_field() -> None:
    running = {"ai": (None, uses(memory=reads("a", "b"))), "memory": (gives("a", "b"),)}
    with pytest.raises(Refused) as refused:
        deploy_order({"memory": gives("a")}, running)
    assert refused.value.message == (
        "the new memory breaks the running ai: ai uses memory: POST /ask, response 200 .b is not offered"
    )
    assert "let memory serve both the old and the new way first" in str(refused.value.hint)


def test_a_consumer_that_needs_more_than_runs_is_refused_with_the_way_out() -> None:
    running = {"ai": (uses(memory=reads("a")),), "memory": (gives("a"),)}
    with pytest.raises(Refused, match=r"the new ai does not fit the running memory: .* \.b is not offered") as refused:
        deploy_order({"ai": uses(memory=reads("b"))}, running)
    assert "invoke deploy memory ai" in str(refused.value.hint)


def test_two_services_that_change_hard_at_once_have_no_order() -> None:
    running = {"ai": (uses(memory=reads("old")),), "memory": (gives("old"),)}
    with pytest.raises(Refused) as refused:
        deploy_order({"ai": uses(memory=reads("new")), "memory": gives("new")}, running)
    lines = refused.value.message.splitlines()
    assert lines[0] == "no order of ai, memory keeps versions apart that do not fit:"
    assert {line.strip() for line in lines[1:]} == {
        "ai uses memory: POST /ask, response 200 .new is not offered",
        "ai uses memory: POST /ask, response 200 .old is not offered",
    }


def test_new_versions_that_do_not_fit_each_other_are_refused() -> None:
    with pytest.raises(Refused, match="the new versions do not fit: ai uses memory"):
        deploy_order({"ai": uses(memory=reads("b")), "memory": gives("a")}, {})


def test_what_does_not_fit_already_is_not_judged_again() -> None:
    running = {"ai": (uses(memory=reads("a")),), "memory": (gives("b"),), "web": (None,)}
    assert deploy_order({"web": None}, running) == ("web",)
    assert deploy_order({"ai": uses(memory=reads("a"))}, running) == ("ai",)
    assert deploy_order({"memory": gives("a", "b")}, running) == ("memory",)


def test_a_service_that_calls_itself_must_fit_its_own_old_version() -> None:
    running = {"ai": (Contract(reads("a"), {"ai": reads("a")}),)}
    assert deploy_order({"ai": Contract(reads("a", "b"), {"ai": reads("a")})}, running) == ("ai",)
    with pytest.raises(Refused, match="ai uses ai"):
        deploy_order({"ai": Contract(reads("a", "b"), {"ai": reads("b")})}, running)


def test_what_was_compared_and_what_could_not_be_is_said() -> None:
    running = {"ai": (uses(memory=reads("a")),), "memory": (gives("a"), None), "web": (None,), "postgres": (None,)}
    agreed = agreement({"memory": gives("a"), "web": None}, running)
    assert agreed.order == ("memory", "web")
    assert agreed.pairs == (("ai", "memory"),)
    assert agreed.unknown == ("memory", "web")
    assert agreed.text == "compatible: ai -> memory; without a contract: memory, web"
    assert agreement({"web": None}, running).text == "nothing to compare; without a contract: web"


def test_the_contract_of_an_image_to_be_built_is_that_of_its_sources(tmp_path: Path) -> None:
    made = tmp_path / "shop" / "contract"
    made.mkdir(parents=True)
    (made / "offers.json").write_text(json.dumps(document({"/pay": {}})))
    (made / "needs.json").write_text("{}")
    model = {
        "name": "shopping",
        "services": {
            "web": {"build": {"context": str(tmp_path), "dockerfile": "shop/Dockerfile"}},
            "worker": {"image": "shopping-web"},
            "redis": {"image": "redis:8"},
            "other": {"image": "other:1", "build": {"context": str(tmp_path)}},
        },
    }
    found = contracts_to_come(model, {"shopping-web", "redis:8"})
    assert {name: known and list(known.provides["paths"]) for name, known in found.items()} == {
        "web": ["/pay"],
        "worker": ["/pay"],
        "redis": None,
    }
    assert contracts_to_come(model, {"other:1"}) == {"other": None}


def test_the_contract_of_a_build_is_the_one_that_its_dockerfile_copies(tmp_path: Path) -> None:
    made = tmp_path / "services" / "shop" / "contract"
    made.mkdir(parents=True)
    (made / "offers.json").write_text(json.dumps(document({"/pay": {}})))
    (made / "needs.json").write_text("{}")
    recipe = "FROM base\nARG SERVICE\nCOPY services/${SERVICE}/src/ services/${SERVICE}/contract/ /app/\n"
    (tmp_path / "services" / "Dockerfile").write_text(recipe)
    build = {"context": str(tmp_path), "dockerfile": "services/Dockerfile"}
    services = {name: {"build": {**build, "args": {"SERVICE": name}}} for name in ("shop", "stock")}
    inline = {"context": str(tmp_path), "dockerfile_inline": recipe, "args": {"SERVICE": "shop"}}
    services["inline"] = {"build": inline}
    found = contracts_to_come(
        {"name": "shopping", "services": services}, {f"shopping-{name}" for name in ("shop", "stock", "inline")}
    )
    assert {name: contract is not None for name, contract in found.items()} == {
        "shop": True,
        "stock": False,
        "inline": True,
    }


# ---- any stack

READ = st.sets(st.sampled_from("abc"), max_size=2).map(lambda names: reads(*sorted(names)))


def contracts() -> st.SearchStrategy[Contract | None]:
    known = st.builds(
        Contract,
        st.sets(st.sampled_from("abc"), min_size=1).map(lambda names: reads(*sorted(names))),
        st.dictionaries(st.sampled_from(NAMES), READ, max_size=2),
    )
    return st.none() | known


def moments(
    order: tuple[str, ...], deploying: Mapping[str, Contract | None], running: Mapping[str, tuple[Contract | None, ...]]
) -> list[dict[str, tuple[Contract | None, ...]]]:
    """Return what runs at each moment: before, while each service is rolled, and after each."""
    versions = dict(running)
    seen = [dict(versions)]
    for service in order:
        seen.append({**versions, service: (*versions.get(service, ()), deploying[service])})
        versions[service] = (deploying[service],)
        seen.append(dict(versions))
    return seen


def misfits(versions: Mapping[str, tuple[Contract | None, ...]]) -> list[tuple[str, Contract, str, Contract]]:
    return [
        (consumer, user, provider, offerer)
        for consumer, users in versions.items()
        for user in users
        if user is not None
        for provider, need in user.expects.items()
        for offerer in versions.get(provider, ())
        if offerer is not None and breaks(consumer, need, provider, offerer.provides)
    ]


@given(
    st.dictionaries(st.sampled_from(NAMES), st.lists(contracts(), min_size=1, max_size=2).map(tuple)),
    st.dictionaries(st.sampled_from(NAMES), contracts(), min_size=1),
)
def test_no_moment_of_the_order_has_versions_that_do_not_fit(
    running: dict[str, tuple[Contract | None, ...]], deploying: dict[str, Contract | None]
) -> None:
    before = misfits(running)
    try:
        order = deploy_order(deploying, running)
    except Refused:
        # Refused rightly: every order has a moment that adds a misfit.
        for tried in permutations(deploying):
            assert any(pair not in before for moment in moments(tried, deploying, running) for pair in misfits(moment))
        return
    assert sorted(order) == sorted(deploying)
    assert [
        pair for moment in moments(order, deploying, running) for pair in misfits(moment) if pair not in before
    ] == []
