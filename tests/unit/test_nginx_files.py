"""What must hold for the balancer's configuration, whoever edits it; nginx itself reads it in the integration tests."""

from __future__ import annotations

import json
import re

import pytest
from tests.unit.compose_files import seconds, services
from tests.unit.nginx_files import Directive, configuration

MAIN = configuration()
(HTTP,) = MAIN.all("http")
SERVERS = {server.value("listen"): server for server in HTTP.all("server")}
UPSTREAMS = {
    "ai_engine": "ai-engine:8010",
    "backend_orchestrator": "backend-orchestrator:8020",
    "memory_engine": "memory-engine:8050",
}
PROXIED = {"8010": "ai_engine", "8020": "backend_orchestrator", "8050": "memory_engine"}


def location(server: Directive, path: str) -> Directive:
    (found,) = (block for block in server.all("location") if block.words[-1] == path)
    return found


def header_values(block: Directive, directive: str) -> dict[str, str]:
    return {entry.words[1]: entry.words[2] for entry in block.all(directive)}


def test_new_replicas_are_found_before_a_draining_one_is_gone() -> None:
    assert HTTP.value("resolver") == "127.0.0.11 valid=1s ipv6=off"
    assert float(services("scale")["ai-engine"]["environment"]["DRAIN_DELAY"]) > 1


@pytest.mark.parametrize(("name", "address"), UPSTREAMS.items())
def test_an_upstream_follows_the_replicas(name: str, address: str) -> None:
    (upstream,) = (block for block in HTTP.all("upstream") if block.words[1] == name)
    (server,) = upstream.all("server")
    assert server.words[1] == address
    assert "resolve" in server.words
    assert upstream.value("zone") == f"{name} 64k"
    assert upstream.all("least_conn")
    assert upstream.value("keepalive") == "32"


@pytest.mark.parametrize("name", UPSTREAMS)
def test_idle_connections_end_before_a_replica_stops_listening(name: str) -> None:
    (upstream,) = (block for block in HTTP.all("upstream") if block.words[1] == name)
    drain_delay = float(services("scale")["ai-engine"]["environment"]["DRAIN_DELAY"])
    assert seconds(upstream.value("keepalive_timeout")) < drain_delay


@pytest.mark.parametrize(("port", "upstream"), PROXIED.items())
def test_each_port_leads_to_its_service(port: str, upstream: str) -> None:
    assert location(SERVERS[port], "/").value("proxy_pass") == f"http://{upstream}"


@pytest.mark.parametrize("port", PROXIED)
def test_only_what_was_not_sent_is_tried_again(port: str) -> None:
    server = SERVERS[port]
    assert server.value("proxy_next_upstream") == "error timeout"
    assert server.value("proxy_next_upstream_tries") == "0"
    assert seconds(server.value("proxy_connect_timeout")) == 0.3
    assert seconds(server.value("proxy_read_timeout")) == 300


@pytest.mark.parametrize("port", PROXIED)
def test_the_ids_are_passed_on_and_said_once(port: str) -> None:
    server = SERVERS[port]
    assert header_values(server, "proxy_set_header")["X-Request-Id"] == "$correlation_id"
    assert header_values(server, "proxy_set_header")["Traceparent"] == "$traceparent"
    assert header_values(server, "add_header") == {"X-Request-Id": "$correlation_id", "X-Trace-Id": "$trace_id"}
    assert {entry.words[1] for entry in server.all("proxy_hide_header")} == {"X-Request-Id", "X-Trace-Id"}


@pytest.mark.parametrize("port", PROXIED)
def test_connections_to_replicas_are_kept(port: str) -> None:
    assert SERVERS[port].value("proxy_http_version") == "1.1"
    assert header_values(SERVERS[port], "proxy_set_header")["Connection"] == '""'


def test_web_sockets_pass() -> None:
    headers = header_values(location(SERVERS["8020"], "/ws"), "proxy_set_header")
    assert (headers["Upgrade"], headers["Connection"]) == ("$upgrade", "$connection_upgrade")
    # A location with headers of its own inherits none: the common ones must be there again.
    assert headers.keys() >= header_values(SERVERS["8020"], "proxy_set_header").keys()


def test_streamed_answers_are_not_held_back() -> None:
    assert location(SERVERS["8010"], "/v1/chat/completions").value("proxy_buffering") == "off"


def told_by(page: Directive) -> str:
    """Return the location that tells an error, where the request isn't asked again."""
    target = page.words[-1]
    if not target.startswith("$"):
        return target
    (choice,) = (entry for entry in HTTP.all("map") if entry.words[2] == target)
    return choice.value("default")


@pytest.mark.parametrize("port", PROXIED)
def test_what_reached_nobody_is_asked_again_once(port: str) -> None:
    for choice in (entry for entry in HTTP.all("map") if entry.words[2].startswith("$page_of_")):
        assert choice.words[1] == "$upstream_connect_time"
        unsent, _default = (entry for entry in choice.block)
        pattern = re.compile(unsent.name.strip('"').removeprefix("~"))
        assert unsent.words[1] == "@again"
        assert all(pattern.search(times) for times in ("-", "-, -", "- : -, -"))
        assert not any(pattern.search(times) for times in ("0.000", "-, 0.001", "0.300 : -", ""))
    again = location(SERVERS[port], "@again")
    assert again.value("proxy_pass") == f"http://{PROXIED[port]}"
    assert SERVERS[port].value("recursive_error_pages") == "on"
    assert {page.words[-1] for page in again.all("error_page")} == {"@no_replica", "@too_slow"}
    assert header_values(again, "proxy_set_header").keys() >= header_values(SERVERS[port], "proxy_set_header").keys()


@pytest.mark.parametrize("port", PROXIED)
def test_errors_of_the_balancer_look_like_those_of_the_services(port: str) -> None:
    pages = {code for page in SERVERS[port].all("error_page") for code in page.words[1:-1] if code != "="}
    assert pages == {"400", "413", "414", "494", "502", "504"}
    for page in SERVERS[port].all("error_page"):
        (answer,) = location(SERVERS[port], told_by(page)).all("return")
        error = json.loads(answer.words[2].strip("'"))["error"]
        assert error.keys() == {"message", "type", "code"}


@pytest.mark.parametrize(("port", "code"), [(port, code) for port in PROXIED for code in ("502", "504")])
def test_clients_are_told_when_to_come_back(port: str, code: str) -> None:
    (page,) = (page for page in SERVERS[port].all("error_page") if code in page.words)
    answer = location(SERVERS[port], told_by(page))
    assert header_values(answer, "add_header").keys() == {"Retry-After", "X-Request-Id", "X-Trace-Id"}
    assert answer.value("return").startswith(code)


def test_a_reload_closes_no_connection_that_was_just_used() -> None:
    assert 1 < seconds(HTTP.value("keepalive_min_timeout")) < seconds(HTTP.value("keepalive_timeout"))


def test_the_body_limit_is_a_little_above_that_of_the_services() -> None:
    limit = HTTP.value("client_max_body_size")
    assert limit.endswith("k")
    allowed = int(services("scale")["ai-engine"]["environment"]["MAX_BODY_BYTES"])
    assert allowed < int(limit[:-1]) * 1024 < 1.2 * allowed


NUMBERS = ("$server_port", "$status", "$request_length", "$bytes_sent", "$request_time")


def test_a_webhook_s_call_may_be_as_large_as_the_service_takes() -> None:
    limit = location(SERVERS["8020"], "/webhooks/whatsapp").value("client_max_body_size")
    assert limit.endswith("k")
    allowed = int(services("scale")["backend-orchestrator"]["environment"]["WEBHOOK_MAX_BODY_BYTES"])
    assert 3_000_000 <= allowed < int(limit.removesuffix("k")) * 1024 < 1.1 * allowed


def access_log() -> str:
    (log_format,) = HTTP.all("log_format")
    assert log_format.words[1:3] == ("json", "escape=json")
    return "".join(word.strip("'") for word in log_format.words[3:])


def test_the_access_log_is_json_with_the_upstreams_times() -> None:
    text = access_log()
    for number in NUMBERS:
        text = text.replace(f":{number}", ":0")
    wanted = {"request_id", "status", "seconds", "upstream", "upstream_status", "upstream_seconds"}
    assert wanted <= json.loads(text).keys()


@pytest.mark.parametrize("variable", ["$request_uri", "$args", "$query_string", '$request"', "$http_", "$arg_"])
def test_the_access_log_leaves_out_queries_and_keys(variable: str) -> None:
    assert variable not in access_log()


def test_a_stop_waits_as_long_as_a_replica_may_drain() -> None:
    balancer, replica = services("scale")["nginx-lb"], services("scale")["ai-engine"]
    assert seconds(replica["stop_grace_period"]) < seconds(balancer["stop_grace_period"])
    assert balancer["stop_signal"] == "SIGQUIT"


def test_a_reload_cuts_nothing_that_may_last() -> None:
    assert not MAIN.all("worker_shutdown_timeout")


@pytest.mark.parametrize("name", UPSTREAMS)
def test_nothing_that_a_client_sends_takes_a_replica_away(name: str) -> None:
    (upstream,) = (block for block in HTTP.all("upstream") if block.words[1] == name)
    assert "max_fails=0" in upstream.all("server")[0].words


@pytest.mark.parametrize("port", PROXIED)
def test_no_redirect_is_of_the_balancers_making(port: str) -> None:
    """It makes them for proxied paths that end in a slash, with its own scheme and port."""
    paths = [block.words[-1] for block in SERVERS[port].all("location")]
    assert not [path for path in paths if path != "/" and path.endswith("/")]
    assert HTTP.value("absolute_redirect") == "off"


def test_the_version_is_nobodys_business() -> None:
    assert HTTP.value("server_tokens") == "off"


def test_it_writes_to_its_scratch_only() -> None:
    paths = [HTTP.value(f"{kind}_temp_path") for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    assert all(path.startswith("/tmp/") for path in (*paths, MAIN.value("pid")))
    assert SERVERS["8010"].value("proxy_max_temp_file_size") == "0"


def test_health_and_counters_are_on_a_port_of_their_own_that_nobody_publishes() -> None:
    assert location(SERVERS["8081"], "/nginx-status").all("stub_status")
    assert services("scale")["nginx-lb"]["healthcheck"]["test"][-1] == "http://127.0.0.1:8081/nginx-health"
    assert not [port for port in services("scale", "dev")["nginx-lb"]["ports"] if port.endswith(":8081")]


def test_a_worker_has_descriptors_for_all_its_connections() -> None:
    (events,) = MAIN.all("events")
    files = int(MAIN.value("worker_rlimit_nofile"))
    assert files > 2 * int(events.value("worker_connections"))
    assert services("scale")["nginx-lb"]["ulimits"]["nofile"] == {"soft": files, "hard": files}
