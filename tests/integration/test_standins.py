"""What stands in for Tempo, Loki, Prometheus and Alloy, on a network of its own: what it keeps and outlives."""

from __future__ import annotations

import json
import secrets
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import docker
import pytest
from docker.types import LogConfig
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from tests.support.leftovers import NAME

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.images.fallback_catalogue import FALLBACK_IMAGES
from optimus_ops.images.fallback_images import ensure_fallbacks
from optimus_ops.project.settings import load_project
from optimus_ops.system.wait import wait_until

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
PROJECT = f"{NAME}-standins"
IMAGES = {fallback.folder: fallback.image for fallback in FALLBACK_IMAGES}
STORES = ("qryn", "alloy", "prometheus")
REPLICAS = ("ai-engine-1", "ai-engine-2")
STORED_METRICS = (
    "--config.file=/etc/prometheus/prometheus.yml",
    "--storage.tsdb.path=/prometheus",
    "--web.enable-remote-write-receiver",
)
# A replica with one counter.
SERVER = """
import http.server
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"# TYPE served_total counter\\nserved_total 1\\n")
http.server.HTTPServer(("", 8010), Page).serve_forever()
"""


@dataclass
class Standins:
    """Containers by name, hardened as the overlay has them, and where they listen."""

    network: Any
    containers: dict[str, Any] = field(default_factory=dict)

    def start(self, name: str, image: str, *, aliases: tuple[str, ...] = (), **options: Any) -> None:
        """Start a container without rights that comes back when it ends."""
        client = docker.from_env()
        made = client.containers.create(
            image,
            name=f"{PROJECT}-{name}",
            init=True,
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            tmpfs={"/tmp": "size=16m,mode=1777"},
            mem_limit="384m",
            restart_policy={"Name": "unless-stopped"},
            network=self.network.name,
            networking_config={
                self.network.name: client.api.create_endpoint_config(aliases=[name, *aliases]),
            },
            **options,
        )
        made.start()
        self.containers[name] = made

    def url(self, name: str, port: int, path: str) -> str:
        """Return an address of a container, as it is now."""
        self.containers[name].reload()
        address = self.containers[name].attrs["NetworkSettings"]["Networks"][self.network.name]["IPAddress"]
        return f"http://{address}:{port}{path}"

    def ready(self, name: str, port: int, path: str) -> None:
        """Wait until a container says that it is."""
        assert wait_until(lambda: self.get(name, port, path)[0] == 200, 60, poll=0.2), self.containers[name].logs()

    def get(self, name: str, port: int, path: str, **query: str) -> tuple[int, bytes]:
        """Return status and body; 0 where nothing answers."""
        try:
            with urlopen(self.url(name, port, path) + (f"?{urlencode(query)}" if query else ""), timeout=5) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            return error.code, error.read()
        except (URLError, OSError):
            return 0, b""

    def send_trace(self, to: str = "alloy", port: int = 4318) -> str:
        """Send a trace of one span of `shop`, and return its id."""
        trace_id, now = secrets.token_bytes(16), time.time_ns()
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = "shop"
        span = resource.scope_spans.add().spans.add(trace_id=trace_id, span_id=secrets.token_bytes(8), name="buy")
        span.start_time_unix_nano, span.end_time_unix_nano = now, now + 10**6
        headers = {"Content-Type": "application/x-protobuf"}
        with urlopen(
            Request(self.url(to, port, "/v1/traces"), request.SerializeToString(), headers), timeout=10
        ) as sent:
            assert sent.status == 200
            ExportTraceServiceRequest().ParseFromString(sent.read())
        return trace_id.hex()

    def spans(self, trace_id: str) -> list[tuple[str, str]]:
        """Return service and name of each span that the store has of a trace."""
        status, content = self.get("tempo", 3200, f"/api/traces/{trace_id}")
        found = TracesData()
        found.ParseFromString(content if status == 200 else b"")
        return [
            (attribute.value.string_value, span.name)
            for resource in found.resource_spans
            for attribute in resource.resource.attributes
            if attribute.key == "service.name"
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def lines(self, text: str) -> list[tuple[str, str]]:
        """Return service and line of what the store has with a text in it."""
        now = time.time_ns()
        query = {"query": f'{{service_name=~".+"}} |= "{text}"', "limit": "100"}
        query |= {"start": str(now - 600 * 10**9), "end": str(now + 10**9)}
        status, content = self.get("tempo", 3100, "/loki/api/v1/query_range", **query)
        result = json.loads(content)["data"]["result"] if status == 200 else []
        return [(stream["stream"]["service_name"], value[1]) for stream in result for value in stream["values"]]

    def write_line(self, line: str, project: str = PROJECT) -> None:
        """Let a container of a project write a line to its log."""
        labels = {"com.optimus.service": "shop", "com.docker.compose.project": project}
        options = LogConfig(type=LogConfig.types.JSON, config={"labels": ",".join(labels)})
        name = f"{PROJECT}-{uuid.uuid4().hex[:8]}"
        self.containers[name] = docker.from_env().containers.run(
            IMAGES["redis"], ["printf", "%s\n", line], name=name, labels=labels, log_config=options, detach=True
        )


@pytest.fixture(scope="module")
def standins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standins]:
    """Start one store under the names of both, Prometheus, and what stands in for Alloy; then what it scrapes."""
    copy = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "compose" / "airgap", copy / "compose" / "airgap")
    needed = [IMAGES[name] for name in (*STORES, "redis", "python")]
    ensure_fallbacks(DockerEngine.connect(), load_project(copy, {}), needed, lambda _: None)
    client = docker.from_env()
    made = Standins(client.networks.create(PROJECT))
    logs = f"{client.info()['DockerRootDir']}/containers"
    try:
        # Whatever the user is: the volume is its own.
        made.start("tempo", IMAGES["qryn"], aliases=("loki",), volumes=[f"{PROJECT}-tempo:/var/tempo"])
        made.start(
            "prometheus",
            IMAGES["prometheus"],
            command=STORED_METRICS,
            volumes=[f"{PROJECT}-metrics:/prometheus"],
        )
        made.start(
            "alloy",
            IMAGES["alloy"],
            user="0:0",
            environment={"COMPOSE_PROJECT": PROJECT},
            volumes=[f"{PROJECT}-alloy:/data", f"{logs}:/var/lib/docker/containers:ro"],
        )
        made.ready("tempo", 3200, "/ready")
        made.ready("alloy", 12345, "/-/ready")
        made.ready("prometheus", 9090, "/-/ready")
        command = ["python3", "-c", SERVER]
        for name in REPLICAS:
            made.start(name, IMAGES["python"], aliases=("ai-engine",), command=command)
        yield made
    finally:
        for container in made.containers.values():
            container.remove(force=True, v=True)
        for volume in client.volumes.list(filters={"name": f"{PROJECT}-"}):
            volume.remove(force=True)
        made.network.remove()


def soon(happens: Callable[[], bool]) -> bool:
    return wait_until(happens, 60, poll=0.2)


def test_a_trace_comes_through_the_collector_and_another_id_has_none(standins: Standins) -> None:
    trace_id = standins.send_trace()
    assert soon(lambda: standins.spans(trace_id) == [("shop", "buy")])
    assert standins.get("tempo", 3200, f"/api/traces/{secrets.token_hex(16)}")[0] == 404


def test_a_line_of_this_project_is_found_by_its_text_as_it_was_written(standins: Standins) -> None:
    text = secrets.token_hex(16)
    line = json.dumps({"trace_id": text, "message": '  "quoted" \\ tab\t é \u2028 end  '})
    standins.write_line(f"of another project: {text}", f"{PROJECT}-other")
    standins.write_line(line)
    assert soon(lambda: standins.lines(text) == [("shop", line)]), standins.lines(text)


@pytest.mark.parametrize(("name", "process"), [("tempo", "bridge.py"), ("alloy", "syslog-ng")])
def test_where_one_process_is_killed_the_container_comes_back_with_what_it_had(
    standins: Standins, name: str, process: str
) -> None:
    before = standins.send_trace()
    assert soon(lambda: bool(standins.spans(before)))
    container = standins.containers[name]
    container.reload()
    started = container.attrs["State"]["StartedAt"]
    processes = container.top(ps_args="-eo pid,args")["Processes"]
    pid = next(int(pid) for pid, line in processes if process in line)
    # From the host: the engine would not start a container again that it was told to kill.
    container.client.containers.run(
        IMAGES["redis"], ["sh", "-c", f"kill -9 {pid}"], pid_mode="host", user="0:0", remove=True
    )

    def back() -> bool:
        container.reload()
        return bool(container.attrs["State"]["StartedAt"] != started and container.status == "running")

    assert soon(back)
    standins.ready("tempo", 3200, "/ready")
    standins.ready("alloy", 12345, "/-/ready")
    assert soon(lambda: standins.spans(before) == [("shop", "buy")])


def test_lines_written_while_the_store_is_away_come_once(standins: Standins) -> None:
    text = secrets.token_hex(16)
    standins.containers["tempo"].stop(timeout=30)
    assert standins.containers["tempo"].wait()["StatusCode"] == 0
    standins.write_line(text)
    standins.containers["alloy"].restart(timeout=30)
    standins.containers["tempo"].start()
    assert soon(lambda: bool(standins.lines(text)))
    marker = secrets.token_hex(16)
    standins.write_line(marker)
    assert soon(lambda: bool(standins.lines(marker)))
    assert standins.lines(text) == [("shop", text)]


def test_a_log_file_that_was_not_opened_at_first_is_read_all_the_same(standins: Standins, tmp_path: Path) -> None:
    """So is one that syslog-ng missed since it came between the first two looks at its folder."""
    text = secrets.token_hex(16)
    attributes = {"com.optimus.service": "shop", "com.docker.compose.project": PROJECT}
    line = {"log": f"{text}\n", "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "attrs": attributes}
    tmp_path.chmod(0o755)
    (tmp_path / "one").mkdir(mode=0o755)
    file = tmp_path / "one" / "one-json.log"
    file.write_text(f"{json.dumps(line)}\n")
    file.chmod(0)
    volumes = [f"{tmp_path}:/var/lib/docker/containers:ro", f"{PROJECT}-late:/data"]
    environment = {"COMPOSE_PROJECT": PROJECT}
    standins.start("late", IMAGES["alloy"], user="0:0", environment=environment, volumes=volumes)
    collector = standins.containers["late"]
    assert soon(lambda: b"deferring open" in collector.logs()), collector.logs()
    file.chmod(0o644)
    assert soon(lambda: standins.lines(text) == [("shop", text)]), collector.logs()
    collector.remove(force=True)
    del standins.containers["late"]


def test_every_replica_that_came_is_scraped(standins: Standins) -> None:
    def instances() -> set[str]:
        _status, content = standins.get("prometheus", 9090, "/api/v1/query", query='served_total{job="ai-engine"}')
        return {found["metric"]["instance"] for found in json.loads(content)["data"]["result"]}

    assert soon(lambda: len(instances()) == len(REPLICAS))
    assert all(instance.endswith(":8010") for instance in instances())


def test_the_healthchecks_of_the_public_images_find_what_they_call(standins: Standins) -> None:
    calls = {
        "/tempo -health": "tempo",
        "/usr/bin/loki -health": "tempo",
        "promtool check ready --url=http://127.0.0.1:9090": "prometheus",
    }
    for command, name in calls.items():
        assert standins.containers[name].exec_run(command).exit_code == 0, command


def test_a_folder_that_can_not_be_written_to_is_named(standins: Standins) -> None:
    standins.containers["alone"] = docker.from_env().containers.run(
        IMAGES["qryn"], name=f"{PROJECT}-alone", user="1234:1234", read_only=True, detach=True
    )
    assert standins.containers["alone"].wait(timeout=60)["StatusCode"] == 1
    assert standins.containers["alone"].logs() == b"entrypoint: user 1234 cannot write to /var/tempo\n"
