from __future__ import annotations

from pathlib import Path

from optimus_ops.loadtest.model import LoadPlatform, PlatformFigure, RequestClass
from optimus_ops.loadtest.platform_samples import observe, read_metric, replicas_text, since
from optimus_ops.model.state import Replica, State

TEXT = """\
# HELP optimus_queue_messages Messages
# TYPE optimus_queue_messages gauge
optimus_queue_messages{state="waiting"} 12
optimus_queue_messages{state="in_hand"} 3.0
optimus_queue_messages_total{state="waiting"} 99
redis_evicted_keys_total{store="state"} 1
redis_evicted_keys_total{store="cache"} 4
broken{ 5
http_server_active_requests 7
"""
WAITING = PlatformFigure("queue waiting", "web", "optimus_queue_messages", {"state": "waiting"}, shared=True)
EVICTED = PlatformFigure("evictions", "web", "redis_evicted_keys_total", shared=True)
ACTIVE = PlatformFigure("in flight", "web", "http_server_active_requests")
UNKNOWN = PlatformFigure("nothing", "web", "no_such_metric")
WEB = RequestClass("chat", "web", 80)
HERE = Path()
PLATFORM = LoadPlatform((WEB,), (), HERE, HERE, HERE, WEB, {"web": 8020}, (WAITING, EVICTED, ACTIVE, UNKNOWN))


def replica(number: int, status: str = "running") -> Replica:
    address = {"optimus": f"10.0.0.{number}"}
    return Replica(
        f"id{number}", f"web-{number}", "web", number, "web", "sha256:1", status, None, "web", address, None, 0, "node"
    )


def test_a_metric_is_the_sum_of_the_series_with_its_labels() -> None:
    assert read_metric(TEXT, WAITING) == 12
    assert read_metric(TEXT, EVICTED) == 5
    assert read_metric(TEXT, ACTIVE) == 7
    assert read_metric(TEXT, UNKNOWN) is None


def test_what_all_replicas_tell_of_counts_once_and_what_is_their_own_is_added_up() -> None:
    state = State("optimus", (replica(1), replica(2), replica(3, "exited")))
    asked: list[str] = []

    def ask(replica: Replica, port: int) -> str:
        asked.append(f"{replica.name}:{port}")
        return TEXT

    figures = observe(state, PLATFORM, ask)
    assert figures == {"replicas web": 2, "queue waiting": 12, "evictions": 5, "in flight": 14}
    assert asked == ["web-1:8020", "web-2:8020"]


def test_a_replica_that_does_not_answer_is_left_out() -> None:
    assert observe(State("optimus", (replica(1),)), PLATFORM, lambda _replica, _port: None) == {"replicas web": 1}


def test_samples_are_told_since_the_begin_of_the_load() -> None:
    found = since(100.0, [(95.0, {"a": 1.0}), (99.0, {"a": 2.0}), (103.0, {"a": 3.0})])
    assert [(sample.at, sample.figures["a"]) for sample in found] == [(0.0, 2.0), (3.0, 3.0)]


def test_progress_has_the_replicas() -> None:
    assert replicas_text([]) == ""
    assert replicas_text([(1.0, {"replicas web": 2.0, "queue": 1.0})]) == "; replicas: web 2"
