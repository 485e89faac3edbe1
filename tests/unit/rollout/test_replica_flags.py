from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invoke.collection import Collection
from invoke.parser import Parser

from optimus_ops.commandline.positional_services import with_flags
from optimus_ops.errors import Refused
from optimus_ops.rollout.replica_flags import flagged, hint_for
from optimus_ops.rollout.requests import typed_counts
from optimus_ops.rollout.tasks import make_scale
from optimus_ops.tasks.root import contexts_of

ODD = ("web.api", "class", "1st-api", "under_scored", "my-svc", "A1", "nginx", "import")
NO_FLAG = ("plan", "json", "lock-wait", "lock_wait", "help", "list", "1", "a", "my_svc", "self", "replicas", "_", "-")


def scale(*services: str) -> Collection:
    namespace = Collection()
    namespace.add_task(make_scale(services), name="scale")
    return namespace


def parsed(services: tuple[str, ...], words: list[str]) -> dict[str, Any]:
    [context] = Parser(contexts=scale(*services).to_contexts()).parse_argv(["scale", *words])
    return dict(context.as_kwargs)


@pytest.mark.parametrize("service", ODD)
def test_a_service_has_a_flag_of_its_own_wherever_its_name_allows(service: str) -> None:
    assert parsed((*ODD, *NO_FLAG), [f"--{service.replace('_', '-')}", "3"])[service] == "3"


@pytest.mark.parametrize("service", NO_FLAG)
def test_other_names_take_nothing_from_the_flags_that_there_are(service: str) -> None:
    assert service not in flagged((*ODD, *NO_FLAG), ["--plan", "--json", "--lock-wait", "--replicas"])
    kwargs = parsed((*ODD, *NO_FLAG), ["--replicas", f"{service}=2", "--plan"])
    assert kwargs["replicas"] == [f"{service}=2"]
    assert kwargs["plan"] is True
    assert hint_for(f"--{service}", NO_FLAG, NO_FLAG) == f"replicas of {service}: invoke scale --replicas {service}=N"


def test_a_service_that_can_not_be_scaled_is_said_to_be_none_of_those() -> None:
    assert hint_for("--db=2", ["db", "web"], ["web"]) == "db can't be scaled; scalable: web"
    assert hint_for("--nonsense", ["db", "web"], ["web"]) is None


def test_of_names_that_differ_by_their_dashes_only_the_dashed_one_has_the_flag() -> None:
    assert flagged(["my-svc", "my_svc"]) == ("my-svc",)
    assert flagged(["a_b_c", "a_b-c"]) == ()


@given(st.lists(st.from_regex(r"\A[a-zA-Z0-9._-]{1,8}\Z"), unique=True, max_size=6))
def test_any_names_of_services_give_a_task_with_help(services: list[str]) -> None:
    [context] = scale(*services).to_contexts()
    assert context.help_tuples()
    assert set(context.as_kwargs) >= {
        "plan",
        "down",
        *flagged(services, context.flags.keys() - {f"--{s}" for s in services}),
    }


def test_a_number_is_given_by_flag_or_by_name() -> None:
    assert typed_counts({"web.api": "2"}, ["plan=3", "web.api=2"]) == {"web.api": 2, "plan": 3}


@pytest.mark.parametrize(
    ("flags", "pairs", "match"),
    [
        ({"web": ""}, [], "--web"),
        ({}, ["web"], "a service and its number"),
        ({}, ["=3"], "a service and its number"),
        ({}, ["web="], "--replicas web"),
        ({}, ["web=0"], "--replicas web 0"),
        ({"web": "2"}, ["web=3"], "two numbers for web"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(flags: dict[str, str], pairs: list[str], match: str) -> None:
    with pytest.raises(Refused, match=match):
        typed_counts(flags, pairs)


def test_a_service_may_be_called_as_a_task_where_services_are_wanted() -> None:
    from optimus_ops.tasks.root import make_namespace  # noqa: PLC0415 - reads this checkout

    contexts = contexts_of(make_namespace())
    assert with_flags(["deploy", "logs"], contexts, ["logs"]) == ["deploy", "--service", "logs"]
    assert with_flags(["deploy", "logs"], contexts, ["web"]) == ["deploy", "logs"]
    assert with_flags(["status", "logs"], contexts, ["logs"]) == ["status", "logs"]
