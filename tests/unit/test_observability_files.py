"""What must hold for the configurations of the observability overlay; read without the programs."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from tests.unit import alloy_files
from tests.unit.compose_files import COMPOSE, OBSERVABILITY, SCALABLE, STACKS, Model, load, overlay, services

FOLDER = COMPOSE / "observability"
ALLOY = alloy_files.files(FOLDER / "alloy")
CONFIG = ALLOY["config.alloy"]
PORTS = {"tempo": {3200, 4318}, "loki": {3100}, "prometheus": {9090}, "alloy": {12345, 4317, 4318}}
WITH_OVERLAY = [stack for stack in STACKS if "observability" in stack]


def read(path: str) -> Any:
    return yaml.safe_load((FOLDER / path).read_text("utf-8"))


def text_values(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in text_values(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in text_values(inner)]
    return [str(value)]


@pytest.mark.parametrize("stack", WITH_OVERLAY, ids="+".join)
def test_every_service_sends_traces_and_waits_for_nothing_of_the_overlay(stack: tuple[str, ...]) -> None:
    found = services(*stack)
    for name in SCALABLE:
        environment = found[name]["environment"]
        assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://alloy:4318"
        assert int(environment["OTEL_BSP_SCHEDULE_DELAY"]) <= 1000
        assert environment["OTEL_CAPTURE_CONTENT"] == "false"
    assert not any(set(OBSERVABILITY) & service.get("depends_on", {}).keys() for service in found.values())


@pytest.mark.parametrize("stack", STACKS, ids="+".join)
def test_what_sends_no_traces_is_told_no_endpoint(stack: tuple[str, ...]) -> None:
    for name, service in services(*stack).items():
        told = any(key.startswith("OTEL_") for key in service.get("environment", {}))
        assert told == (name in SCALABLE and "observability" in stack)


def test_the_others_do_without_each_of_its_services() -> None:
    found = services("scale", "observability")
    assert {name for name, service in found.items() if service["labels"].get("com.optimus.optional") == "true"} == {
        *OBSERVABILITY
    }


def test_stores_are_reached_through_a_network_without_a_way_out() -> None:
    networks = load(overlay("observability"))["networks"]
    assert networks["observability"]["internal"] is True
    found = services("scale", "observability")
    assert {name: set(found[name]["networks"]) for name in OBSERVABILITY} == {
        "alloy": {"optimus", "observability"},
        **{name: {"observability"} for name in ("tempo", "loki", "prometheus")},
        "grafana": {"observability", "grafana"},
    }
    masquerade = networks["grafana"]["driver_opts"]["com.docker.network.bridge.enable_ip_masquerade"]
    assert masquerade == "false"


def test_alloy_reads_of_the_host_what_it_reads_and_holds_no_socket() -> None:
    alloy = services("observability")["alloy"]
    binds = {volume["target"]: volume for volume in alloy["volumes"] if volume["type"] == "bind"}
    assert binds.keys() == {"/etc/alloy", "/var/lib/docker/containers", "/var/lib/optimus/journal"}
    assert all(volume["read_only"] for volume in binds.values())
    assert alloy["cap_drop"] == ["ALL"]
    data = alloy["labels"]["com.optimus.data-mounts"].split(",")
    assert set(data) == binds.keys() - {"/etc/alloy"}


@pytest.mark.parametrize("name", sorted(ALLOY))
def test_alloy_s_brackets_are_closed(name: str) -> None:
    assert alloy_files.unbalanced(ALLOY[name]) == ""


@pytest.mark.parametrize(("text", "mark"), [("a {", "{"), ("a }", "}"), ("a ([)]", ")"), ('a "{" // [', "")])
def test_brackets_that_are_not_closed_are_found(text: str, mark: str) -> None:
    assert alloy_files.unbalanced(text) == mark


@pytest.mark.parametrize("name", sorted(ALLOY))
def test_what_alloy_s_blocks_use_is_there_once(name: str) -> None:
    defined = alloy_files.blocks(ALLOY[name])
    assert not [block for block, count in defined.items() if count > 1]
    assert alloy_files.uses(ALLOY[name]) <= defined.keys()


def test_a_block_that_is_missing_is_found() -> None:
    text = 'loki.process "a" {\n  forward_to = [loki.write.gone.receiver]\n}'
    assert alloy_files.uses(text) == {"loki.write.gone"}


def test_alloy_is_given_every_variable_that_it_reads() -> None:
    read_there = set().union(*(alloy_files.variables(text) for text in ALLOY.values()))
    assert read_there == services("observability")["alloy"]["environment"].keys() - {"GOMEMLIMIT"}


def test_both_ways_of_keeping_traces_take_and_give_alike() -> None:
    assert ALLOY.keys() == {"config.alloy", "all.alloy", "tail.alloy"}
    for name in ("all.alloy", "tail.alloy"):
        assert re.search(r'^declare "traces" \{$', ALLOY[name], re.MULTILINE)
        assert {"argument.output", "export.input"} <= alloy_files.blocks(ALLOY[name]).keys()
    assert f"{services('observability')['alloy']['environment']['TRACES_KEPT']}.alloy" in ALLOY


def test_every_replica_of_every_service_is_scraped() -> None:
    names = re.findall(r'names +=\s\["([a-z-]+)"\]\n.*type += "A"\n +port += (\d+)\n +refresh_interval = "5s"', CONFIG)
    found = services("observability")
    ports = {name: int(found[name]["environment"].get("PORT", 9464)) for name in SCALABLE}
    assert {name: int(port) for name, port in names} == ports
    assert set(re.findall(r'job_name += "([a-z-]+)"', CONFIG)) == SCALABLE


def test_no_label_of_logs_is_unbounded() -> None:
    labels = re.findall(r"stage\.labels \{\s+values = \{(.*?)\}", CONFIG, re.DOTALL)
    assert labels == ['service_name = "", project = ""']
    assert CONFIG.count('"filename"') >= 2, "the name of a file has a container's id: dropped"


def test_only_lines_of_this_project_are_kept() -> None:
    assert 'selector            = "{project!=\\"" + sys.env("COMPOSE_PROJECT") + "\\"}"' in CONFIG
    assert services("observability")["alloy"]["environment"]["COMPOSE_PROJECT"] == "optimus"
    options = services("observability")["ai-engine"]["logging"]["options"]
    assert options["labels"].split(",") == ["com.optimus.service", "com.docker.compose.project"]


@pytest.mark.parametrize(("service", "file"), [("tempo", "tempo/tempo.yaml"), ("loki", "loki/loki.yaml")])
def test_a_store_is_given_every_variable_that_it_reads(service: str, file: str) -> None:
    found: Model = services("observability")[service]
    used = set(re.findall(r"\$\{(\w+)\}", (FOLDER / file).read_text("utf-8")))
    assert used == found["environment"].keys() - {"GOMEMLIMIT"}
    assert "-config.expand-env=true" in found["command"]


def test_what_is_kept_is_bounded() -> None:
    tempo, loki = read("tempo/tempo.yaml"), read("loki/loki.yaml")
    for part in (tempo["backend_worker"], tempo["backend_scheduler"]["provider"]["compaction"]):
        assert part["compaction"]["block_retention"] == "${TRACES_RETENTION}"
    assert tempo["overrides"]["defaults"]["ingestion"]["rate_limit_bytes"] == "${TRACES_BYTES_PER_SECOND}"
    assert loki["compactor"]["retention_enabled"] is True
    assert loki["compactor"]["delete_request_store"] == "filesystem"
    assert loki["limits_config"]["retention_period"] == "${LOGS_RETENTION}"
    assert loki["limits_config"]["ingestion_rate_mb"] == "${LOGS_MEGABYTES_PER_SECOND}"
    command = services("observability")["prometheus"]["command"]
    assert {option.partition("=")[0] for option in command} >= {
        "--storage.tsdb.retention.time",
        "--storage.tsdb.retention.size",
    }


def test_tempo_has_no_settings_that_its_version_3_does_not_know() -> None:
    assert not {"ingester", "compactor", "ingester_client"} & read("tempo/tempo.yaml").keys()


def test_a_program_stays_below_its_container_s_memory() -> None:
    for name in OBSERVABILITY:
        service = services("observability")[name]
        limit = service["deploy"]["resources"]["limits"]["memory"]
        soft = service.get("environment", {}).get("GOMEMLIMIT")
        # Prometheus takes nine tenths of the limit by itself.
        assert name == "prometheus" or int(soft.removesuffix("MiB")) <= 0.85 * int(limit.removesuffix("M"))


def test_no_program_calls_home() -> None:
    assert read("tempo/tempo.yaml")["usage_report"] == {"reporting_enabled": False}
    assert read("loki/loki.yaml")["analytics"] == {"reporting_enabled": False}
    found = services("observability")
    assert "--disable-reporting" in found["alloy"]["command"]
    calls = ("GF_ANALYTICS_", "GF_NEWS_")
    assert {value for name, value in found["grafana"]["environment"].items() if name.startswith(calls)} == {"false"}


def test_every_address_is_that_of_a_service_and_its_port() -> None:
    sources = read("grafana/provisioning/datasources/stores.yaml")["datasources"]
    urls = [source["url"] for source in sources] + re.findall(r'"(http://[^"]+)"', CONFIG)
    for url in urls:
        parts = urlsplit(url)
        assert parts.port in PORTS[str(parts.hostname)], url


def test_data_sources_lead_to_one_another() -> None:
    sources = {source["uid"]: source for source in read("grafana/provisioning/datasources/stores.yaml")["datasources"]}
    assert sources.keys() == {"prometheus", "tempo", "loki"}
    leads = {uid: set(re.findall(r"'datasourceUid': '(\w+)'", str(source))) for uid, source in sources.items()}
    assert leads == {"prometheus": {"tempo"}, "tempo": {"loki", "prometheus"}, "loki": {"tempo"}}
    assert not any(source["editable"] for source in sources.values())
    # A dollar sign alone would be a variable of the environment.
    assert not [
        text for source in sources.values() for text in text_values(source) if re.search(r"(?<!\$)\$(?!\$)", text)
    ]


@pytest.mark.parametrize(
    "line",
    [
        '{"service":"nginx-lb","trace_id":"0af7651916cd43dd8448eb211c80319c"}',
        '{"trace_id": "0af7651916cd43dd8448eb211c80319c"}',
    ],
)
def test_a_line_leads_to_its_trace(line: str) -> None:
    (loki,) = (
        source
        for source in read("grafana/provisioning/datasources/stores.yaml")["datasources"]
        if source["uid"] == "loki"
    )
    (field,) = loki["jsonData"]["derivedFields"]
    match = re.search(field["matcherRegex"], line)
    assert match
    assert match[1] == "0af7651916cd43dd8448eb211c80319c"


def test_grafana_asks_for_a_password_and_is_on_loopback() -> None:
    grafana = services("observability")["grafana"]
    assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/secrets/GRAFANA_ADMIN_PASSWORD"
    assert grafana["environment"]["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert grafana["ports"] == ["127.0.0.1:3000:3000"]


def test_dashboards_come_from_files_that_are_mounted() -> None:
    (provider,) = read("grafana/provisioning/dashboards/optimus.yaml")["providers"]
    grafana = services("observability")["grafana"]
    assert provider["options"]["path"] in {volume["target"] for volume in grafana["volumes"]}
    assert provider["allowUiUpdates"] is False
