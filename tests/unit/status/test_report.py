"""The model of `invoke status`, and how it looks."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.stacks import IMAGES, migrated, replica, stack

from optimus_ops.checks.model import StatusLine
from optimus_ops.engine.store_probes import Database, RedisServer, Sentinel, Unreachable
from optimus_ops.engine.values import Limits
from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.state import Replica, State, sorted_state
from optimus_ops.plan.differences import Difference
from optimus_ops.status.document import status_json
from optimus_ops.status.model import Row, StatusSnapshot, make_rows
from optimus_ops.status.render import status_text
from optimus_ops.status.replica_facts import printable_lines
from optimus_ops.status.usage import Usage

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MEBI = 1024**2


def seen(*replicas: Replica, **changes: Any) -> StatusSnapshot:
    facts: dict[str, Any] = {
        "state": sorted_state("shop", replicas),
        "stack": stack(),
        "usage": {},
        "stores": {},
        "images": {},
        "current": {},
        "now": NOW,
    }
    return StatusSnapshot(**{**facts, **changes})


def row(service: str, snapshot: StatusSnapshot) -> Row:
    return next(row for row in make_rows(snapshot) if row.service == service)


def shown(snapshot: StatusSnapshot, columns: int) -> str:
    return status_text(snapshot, make_rows(snapshot), colour=False, columns=columns)


def status_of(snapshot: StatusSnapshot) -> Any:
    return status_json(snapshot, make_rows(snapshot))


def full() -> StatusSnapshot:
    started = NOW - timedelta(minutes=12)
    return seen(
        replica("ai", 1, image="shop/ai:local", image_id=IMAGES["shop/ai:local"], started_at=started),
        replica("ai", 2, image="shop/ai:local", image_id=IMAGES["shop/ai:local"], started_at=NOW - timedelta(hours=3)),
        replica(
            "ai", 3, image="shop/ai:local", image_id="sha256:0123456789abcdef", health="unhealthy", started_at=started
        ),
        replica("postgres", image="postgres:17", image_id=IMAGES["postgres:17"], started_at=started),
        replica("redis", image="redis:8", image_id=IMAGES["redis:8"], started_at=started),
        replica("memory", status="exited", exit_code=137, started_at=started),
        migrated(),
        usage={
            **{f"ai{number}": Usage(0.25, 100 * MEBI, Limits(1.0, 256 * MEBI)) for number in (1, 2, 3)},
            "memory1": Usage(limits=Limits(out_of_memory=True)),
        },
        stores={
            "postgres1": Database(14, 97),
            "redis1": RedisServer("master", 3 * MEBI, 192 * MEBI, "noeviction", 12, 0, None),
        },
        images=IMAGES,
        current={"shop/ai:local": False},
        notes=("something could not be seen",),
    )


def test_a_service_has_its_ready_and_wanted_replicas_their_ages_and_the_sum_of_their_use() -> None:
    ai = row("ai", full())

    assert (ai.ready, ai.wanted) == (2, 3)
    assert ai.ages == (720.0, 10800.0)
    assert ai.usage == Usage(0.75, 300 * MEBI, Limits(3.0, 768 * MEBI))
    assert ai.problems == ("shop-ai-3 is unhealthy",)
    assert not ai.good


def test_a_replica_on_an_older_image_is_stale_and_an_image_older_than_its_sources_is_outdated() -> None:
    snapshot = full()

    assert (row("ai", snapshot).stale, row("ai", snapshot).outdated) == (1, True)
    assert (row("postgres", snapshot).stale, row("postgres", snapshot).outdated) == (0, False)


def test_a_job_is_done_when_it_ended_well_and_a_failed_one_is_a_problem() -> None:
    assert (row("migrations", full()).kind, row("migrations", full()).ready) == ("job", 1)
    failed = row("migrations", seen(replica("migrations", status="exited", exit_code=1, health=None)))
    assert (failed.ready, failed.problems) == (0, ("shop-migrations-1 ended with 1",))


@pytest.mark.parametrize(
    ("changes", "limits", "said"),
    [
        ({"status": "exited", "exit_code": 137}, Limits(out_of_memory=True), "ended with 137, out of memory"),
        ({"status": "exited", "exit_code": 0}, Limits(), "ended with 0"),
        (
            {"status": "restarting", "exit_code": 7, "restarts": 2},
            Limits(),
            "ended with 7 and was started again 2 times",
        ),
        ({"status": "paused"}, Limits(), "is frozen (docker pause)"),
        ({"status": "created"}, Limits(), "was never started"),
        ({"status": "dead"}, Limits(), "is dead"),
        ({"restarts": 4}, Limits(), "was started again 4 times by the engine"),
    ],
)
def test_what_is_wrong_with_a_replica_is_said(changes: dict[str, Any], limits: Limits, said: str) -> None:
    snapshot = seen(replica("ai", **changes), usage={"ai1": Usage(limits=limits)})

    assert row("ai", snapshot).problems == (f"shop-ai-1 {said}",)


def test_what_ended_is_shown_with_what_it_said_last() -> None:
    crashed = replica("ai", status="restarting", exit_code=7, restarts=2)
    snapshot = seen(crashed, last_lines={"ai1": ("relation is missing",)})

    lines = shown(snapshot, 120).splitlines()
    told = next(index for index, line in enumerate(lines) if "ended with 7" in line)
    assert lines[told + 1] == "    relation is missing"
    [found] = next(row for row in status_of(snapshot)["services"] if row["service"] == "ai")["replicas"]
    assert (found["exit_code"], found["restarts"], found["last_lines"]) == (7, 0, ["relation is missing"])


def test_what_is_left_over_is_named_with_the_way_out() -> None:
    left = Leftovers(orphans=(replica("old"),), one_offs=(replica("ai", name="shop-ai-run-1"),), networks=("shop_old",))
    snapshot = seen(replica("old"), leftovers=left)

    text = shown(snapshot, 200)
    for said in ("no longer in the Compose files: old", "`docker compose run`: shop-ai-run-1", "uses: shop_old"):
        assert said in text
    assert "invoke up --remove-orphans" in text
    assert status_of(snapshot)["leftovers"] == {
        "orphans": ["shop-old-1"],
        "one_offs": ["shop-ai-run-1"],
        "networks": ["shop_old"],
        "images": [],
    }


def test_services_that_do_not_run_and_those_that_no_file_wants_have_a_row() -> None:
    rows = {row.service: (row.ready, row.wanted) for row in make_rows(seen(replica("grafana")))}

    assert rows["postgres"] == (0, 1)
    assert rows["migrations"] == (0, 0)
    assert rows["grafana"] == (1, 1)


def test_what_runs_is_seen_without_files() -> None:
    assert [row.service for row in make_rows(seen(replica("ai"), stack=None))] == ["ai"]


def test_a_limit_is_summed_only_where_every_replica_has_one() -> None:
    snapshot = seen(
        replica("ai", 1),
        replica("ai", 2),
        usage={"ai1": Usage(0.1, 1, Limits(1.0, 10)), "ai2": Usage(0.1, 1, Limits())},
    )

    assert row("ai", snapshot).usage.limits == Limits()


def test_the_wide_table_shows_everything_in_a_row() -> None:
    text = shown(full(), 180)

    (ai,) = (line for line in text.splitlines() if line.startswith("ai "))
    for part in ("2/3", "stale shop/ai:local", "0123456", "12m-3h", "0.75/3", "300M/768M"):
        assert part in ai
    assert "14 of 97 connections" in next(line for line in text.splitlines() if line.startswith("postgres"))
    assert "master, 3M of 192M, noeviction, 12 clients" in text
    assert "! shop-memory-1 ended with 137, out of memory: invoke logs memory" in text
    assert "stale: a newer image is built than runs: invoke deploy ai" in text
    assert "outdated: sources changed since the build: invoke deploy ai" in text
    assert "! something could not be seen" in text


def test_at_eighty_columns_no_table_line_is_longer_and_stores_have_lines_of_their_own() -> None:
    text = shown(full(), 80)
    table = [line for line in text.splitlines() if not line.startswith(("!", "*"))]

    assert max(map(len, table)) <= 80
    assert "  postgres: 14 of 97 connections" in table
    assert table[1].split() == ["SERVICE", "READY", "IMAGE", "AGE", "CPU", "MEMORY"]


def test_where_there_is_no_room_the_image_s_name_is_cut_and_nothing_else() -> None:
    name = "registry.example/team/a-very-long-name-of-an-image-that-nobody-can-remember-at-all:2026.11.22"
    text = shown(seen(replica("ai", image=name), usage={"ai1": Usage(0.25, 100 * MEBI, Limits(1.0, 256 * MEBI))}), 80)

    (ai,) = (line for line in text.splitlines() if line.startswith("ai "))
    assert "…" in ai
    assert ai.split()[-2:] == ["0.25/1", "100M/256M"]


def test_a_store_that_does_not_answer_says_so_by_name() -> None:
    text = shown(seen(replica("redis"), stores={"redis1": Unreachable("NOAUTH Authentication required.")}), 80)

    assert "  redis: unreachable: NOAUTH Authentication required." in text


def test_no_line_has_spaces_at_its_end_and_no_colour_comes_uninvited() -> None:
    text = shown(full(), 200)

    assert all(line == line.rstrip() for line in text.splitlines())
    assert "\x1b" not in text


def test_the_document_is_json_with_numbers() -> None:
    snapshot = full()
    document = json.loads(json.dumps(status_json(snapshot, make_rows(snapshot))))
    services = {service["service"]: service for service in document["services"]}

    assert document["project"] == "shop"
    assert not document["good"]
    assert services["ai"]["memory_bytes"] == 300 * MEBI
    assert [replica["name"] for replica in services["ai"]["replicas"]] == ["shop-ai-1", "shop-ai-2", "shop-ai-3"]
    assert services["postgres"]["stores"]["shop-postgres-1"] == {"kind": "postgres", "used": 14, "usable": 97}


def test_an_empty_project_has_rows_of_nothing() -> None:
    snapshot = seen(state=State("shop"))

    assert not status_json(snapshot, make_rows(snapshot))["running"]


def test_what_runs_otherwise_than_wanted_is_told_with_the_command_that_applies_it() -> None:
    found = Difference("ai", "the environment changed (MODE)", 1, 2, "invoke deploy ai")
    snapshot = seen(replica("ai"), differences=(found,))
    line = "! ai: the environment changed (MODE) in 1 of 2 replicas; apply it with: invoke deploy ai"
    assert line in shown(snapshot, 200).splitlines()
    assert status_of(snapshot)["differences"] == [asdict(found)]


def test_what_services_say_of_themselves_is_shown_once_where_all_say_it() -> None:
    replicas = [replica("ai", number) for number in (1, 2)]
    keys = ("key 1: closed", "! key 2: open\x1b[31m")
    reports = {replicas[0].id: keys, replicas[1].id: keys[:1]}
    snapshot = seen(*replicas, reports={key: printable_lines("\n".join(lines)) for key, lines in reports.items()})
    text = shown(snapshot, 200)
    assert "  ai: key 1: closed\n" in text
    assert f"! {replicas[0].name}: key 2: open[31m\n" in text
    [service] = [service for service in status_of(snapshot)["services"] if service["service"] == "ai"]
    assert service["replicas"][1]["report"] == ["key 1: closed"]


def test_subsystems_add_lines() -> None:
    lines = (StatusLine("autoscale", "3 wanted"), StatusLine("queue", "12 dead letters", warning=True))
    snapshot = seen(replica("ai"), lines=lines)
    text = shown(snapshot, 200)
    assert "  autoscale: 3 wanted\n" in text
    assert "! queue: 12 dead letters\n" in text
    assert status_of(snapshot)["lines"][1] == {"subject": "queue", "text": "12 dead letters", "warning": True}


@pytest.mark.parametrize(
    ("store", "line"),
    [
        (Sentinel("optimus", "ok", 2, 3), "redis: optimus ok, 2 replicas, 3 sentinels"),
        (Sentinel("optimus", "odown", 1, 3), "redis: optimus odown, 1 replica, 3 sentinels"),
        (RedisServer("master", 3 * MEBI, None, "", 1, 0, None), "redis: master, 3M, 1 client"),
    ],
)
def test_a_store_is_told_in_a_line_without_what_it_does_not_say(store: Sentinel | RedisServer, line: str) -> None:
    assert f"  {line}" in shown(seen(replica("redis"), stores={"redis1": store}), 80).splitlines()


def test_usage_without_a_limit_is_shown_without_a_share_of_it() -> None:
    text = shown(seen(replica("ai"), usage={"ai1": Usage(1.5, 64 * MEBI)}), 160)
    line = next(line for line in text.splitlines() if line.startswith("ai "))
    assert line.split()[-2:] == ["1.5", "64M"]
