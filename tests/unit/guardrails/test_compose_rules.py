"""Compose files: what each check finds, in all spellings, through `extends`, merge keys and overlays."""

from __future__ import annotations

import pytest
from tests.unit.guardrails.conftest import Checkout

from optimus_ops.guardrails.examples import rules_broken
from optimus_ops.guardrails.policy import parse_policy
from optimus_ops.guardrails.rules.compose_checks import CHECKS
from optimus_ops.guardrails.sources import in_memory
from optimus_ops.guardrails.yaml_files import YamlFiles
from optimus_ops.guardrails.yaml_judgement import judge_yaml
from optimus_ops.security.hardening.rules import HARDENING

BASE = "compose.yaml"
RULE = """
  - id: rule
    kind: compose
    message: m
    why: w
    mend: m
    files: ['**/compose*.yaml']
    checks: [{checks}]
"""
POLICY = "version: 1\nsources: [src]\nrules:"
BAD = {
    "root-user": ["image: a:1", "user: root", 'user: "0"', "user: 0", 'user: "0:0"', 'user: "${USER_OF:-root}"'],
    "capabilities": ["image: a:1", "image: a:1, cap_drop: [NET_RAW]", "build: ., cap_drop: []"],
    "strong-capability": ["cap_add: [SYS_ADMIN]", "cap_add: [cap_net_admin]", "cap_add: [ALL]"],
    "new-privileges": [
        "image: a:1",
        "image: a:1, security_opt: ['no-new-privileges:false']",
        "image: a:1, security_opt: [seccomp=x.json]",
    ],
    "unconfined": ["security_opt: ['seccomp:unconfined']", "security_opt: [apparmor=unconfined]"],
    "writable-root": ["image: a:1", "read_only: false", "image: a:1, read_only: 'false'"],
    "privileged": ["privileged: true", "privileged: 'true'", 'privileged: "${P:-true}"'],
    "namespaces": ["network_mode: host", "pid: host", "ipc: host", "network_mode: 'service:b'", "networks: [host]"],
    "engine-socket": [
        "volumes: ['/var/run/docker.sock:/x']",
        "volumes: ['/run/docker.sock:/x:ro']",
        "volumes: [{type: bind, source: /var/run/docker.sock, target: /x}]",
        'volumes: ["${SOCKET:-/var/run/docker.sock}:/x"]',
    ],
    "sensitive-mount": ["volumes: ['/:/host']", "volumes: ['/etc/:/x:ro']", "volumes: [{source: /proc, target: /p}]"],
    "device": ["devices: [/dev/sda]"],
    "open-port": [
        "ports: ['80:80']",
        "ports: [80]",
        "ports: ['0.0.0.0:80:80']",
        "ports: ['[::]:80:80/udp']",
        "ports: ['10.0.0.1:80:80']",
        "ports: [{target: 80}]",
        "ports: [{target: 80, published: 8080, host_ip: '::'}]",
        'ports: ["${BIND:-0.0.0.0}:80:80"]',
        'ports: ["${BIND}:80:80"]',
    ],
    "image-pin": ["image: redis", "image: 'redis:latest'", "image: r.example:5000/redis", "image: '${I:-a:edge}'"],
    "image-digest": ["image: 'redis:8.0'"],
    "memory-limit": ["image: a:1", "image: a:1, mem_limit: 0", "image: a:1, deploy: {resources: {limits: {pids: 1}}}"],
    "cpu-limit": ["image: a:1"],
    "pids-limit": ["image: a:1", "image: a:1, pids_limit: -1"],
    "health-check": [
        "image: a:1",
        "image: a:1, healthcheck: {interval: 1s}",
        "healthcheck: {disable: true}",
        "healthcheck: {test: [NONE]}",
        "healthcheck: {test: NONE}",
    ],
}
GOOD = {
    "root-user": ["image: a:1, user: '1001:1001'", "user: postgres", "command: x", "user: '${UID_OF}'"],
    "capabilities": ["image: a:1, cap_drop: [all]", "environment: {A: b}"],
    "strong-capability": ["cap_add: [NET_BIND_SERVICE]"],
    "new-privileges": [
        "image: a:1, security_opt: [no-new-privileges]",
        "image: a:1, security_opt: ['no-new-privileges=true']",
    ],
    "unconfined": ["security_opt: ['seccomp:profile.json']"],
    "writable-root": ["image: a:1, read_only: true"],
    "privileged": ["privileged: false"],
    "namespaces": ["network_mode: none", "networks: {stores: {}}", "ipc: private"],
    "engine-socket": ["volumes: ['./docker.sock.conf:/x']", "volumes: ['data:/x']"],
    "sensitive-mount": ["volumes: ['/srv/etc:/x']", "volumes: ['data:/etc']"],
    "device": ["tmpfs: [/dev/shm2]"],
    "open-port": [
        "ports: ['127.0.0.1:80:80']",
        "ports: ['[::1]:80:80']",
        "ports: [{target: 80, published: 80, host_ip: 127.0.0.1}]",
        "expose: [80]",
        'ports: ["${BIND:-127.0.0.1}:${PORT:-80}:80"]',
    ],
    "image-pin": ["image: 'a:1.2-alpine'", f"image: 'a@sha256:{'0' * 64}'", "image: x, build: .", "image: '${IMAGE}'"],
    "image-digest": [f"image: 'a:1@sha256:{'0' * 64}'"],
    "memory-limit": ["image: a:1, mem_limit: 64m", "image: a:1, deploy: {resources: {limits: {memory: '${M:-64M}'}}}"],
    "cpu-limit": ["image: a:1, cpus: 0.5"],
    "pids-limit": ["image: a:1, pids_limit: 50"],
    "health-check": ["image: a:1, healthcheck: {test: [CMD, x]}", "build: .", "image: a:1, restart: 'no'"],
}


def broken(check: str, files: dict[str, str]) -> bool:
    return "rule" in set(rules_broken(parse_policy(POLICY + RULE.format(checks=check)), files))


def found(check: str, files: dict[str, str]) -> list[tuple[str, str]]:
    judged = judge_yaml(parse_policy(POLICY + RULE.format(checks=check)), YamlFiles(in_memory(files).files))
    return [(str(each.match.place), each.match.detail) for each in judged.violations]


def one(settings: str) -> dict[str, str]:
    return {BASE: f"services:\n  a: {{{settings}}}\n"}


def cases(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(check, settings) for check, several in table.items() for settings in several]


@pytest.mark.parametrize(("check", "settings"), cases(BAD))
def test_a_check_finds_each_spelling(check: str, settings: str) -> None:
    assert broken(check, one(settings))


@pytest.mark.parametrize(("check", "settings"), cases(GOOD))
def test_a_check_leaves_what_is_in_order(check: str, settings: str) -> None:
    assert not broken(check, one(settings))


def test_each_check_is_tried_and_named_as_in_check_security() -> None:
    assert BAD.keys() == GOOD.keys() == CHECKS.keys()
    assert CHECKS.keys() - {rule.name for rule in HARDENING} == {"cpu-limit", "image-digest"}


def test_the_place_is_the_setting_or_the_name_of_what_lacks_one() -> None:
    text = "services:\n  web:\n    image: a:1\n    user: root\n  db:\n    image: a:1\n"
    assert found("root-user", {BASE: text}) == [
        ("compose.yaml:4:11", "web runs as root"),
        ("compose.yaml:5:3", "db names no user"),
    ]


def test_what_a_service_extends_and_merges_counts() -> None:
    common = "services:\n  c: {cap_drop: [ALL]}\n  d: {extends: {service: c}}\n"
    text = "x: &x {extends: {file: common.yaml, service: d}}\nservices:\n  a: {<<: *x, image: a:1}\n"
    assert found("capabilities", {BASE: text, "common.yaml": common}) == []
    assert found("capabilities", {BASE: text, "common.yaml": common.replace("ALL", "NET_RAW")})


def test_an_overlay_is_judged_on_top_of_its_base_and_repeats_nothing_of_it() -> None:
    base = "services:\n  a: {image: a:1, cap_drop: [ALL], read_only: true}\n  b: {image: b:1}\n"
    overlay = "services:\n  a: {image: a:2}\n  b: {image: b:2}\n"
    assert found("capabilities", {BASE: base, "compose.dev.yaml": overlay}) == [
        ("compose.yaml:3:3", "b does not drop all capabilities")
    ]
    reset = {BASE: base, "compose.dev.yaml": "services:\n  a: {cap_drop: !reset [], read_only: false}\n"}
    assert {place.partition(":")[0] for place, _ in found("capabilities, writable-root", reset)} == {
        BASE,
        "compose.dev.yaml",
    }


def test_a_job_that_others_wait_for_needs_no_health_check() -> None:
    text = (
        "services:\n  a: {image: a:1, healthcheck: {test: [CMD, x]}, "
        "depends_on: {job: {condition: service_completed_successfully}}}\n  job: {image: a:1}\n"
    )
    assert found("health-check", {BASE: text}) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("services: [", "not YAML"),
        ("services: {a: {extends: {service: a}}}", "extends itself"),
        ("services: {a: {extends: {file: no.yaml, service: b}}}", "which is not there"),
        ("services: {a: {extends: {file: ../../etc/passwd, service: b}}}", "which is not there"),
        ("services: [a]", "a mapping is expected"),
        ("a: &a [*a]", "an alias to a value that it is part of"),
        ("[" * 5000 + "]" * 5000, "nested too deeply"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_the_others_are_judged(text: str, told: str) -> None:
    files = {BASE: text, "x/compose.yaml": "services:\n  z: {user: root}\n"}
    judged = judge_yaml(parse_policy(POLICY + RULE.format(checks="root-user")), YamlFiles(in_memory(files).files))
    unusable, other = sorted(judged.violations, key=lambda each: each.rule)
    assert (unusable.rule, unusable.file, told in unusable.sentence) == ("guardrails/syntax", BASE, True)
    assert (other.rule, other.file) == ("rule", "x/compose.yaml")


def test_settings_of_a_wrong_kind_are_no_crash() -> None:
    every = ", ".join(CHECKS)
    for text in ("services:\n  a:\n", "services: {a: 1}", "services: {a: [b]}", "services:", "a", ""):
        assert isinstance(found(every, {BASE: text}), list)
    wrong = ("{}", "[]", "[[]]", "[{}]", "7", "null", "{a: {b: c}}", "[null]")
    keys = (
        "image user ports volumes networks security_opt cap_drop cap_add healthcheck deploy read_only extends devices"
    )
    for key in keys.split():
        for value in wrong:
            assert isinstance(found(every, one(f"{key}: {value}")), list)


def test_a_change_is_blamed_for_what_it_takes_from_a_file_that_others_extend(checkout: Checkout) -> None:
    rule = RULE.format(checks="writable-root, root-user").replace("id: rule", "id: confined")
    policy = (checkout.root / "policy.yaml").read_text("utf-8")
    checkout.git("switch", "--quiet", "main")
    checkout.write("policy.yaml", policy.rstrip() + rule)
    checkout.write("common.yaml", "services:\n  c: {read_only: true}\n")
    checkout.write(BASE, "services:\n  a: {image: a:1, extends: {file: common.yaml, service: c}}\n")
    checkout.commit()
    checkout.git("switch", "--quiet", "--force-create", "change")
    assert checkout.check().found == []
    checkout.write("common.yaml", "services:\n  c: {restart: always}\n")
    assert checkout.check().found == [("confined", BASE, 2)]
    diff = checkout.git("diff", "main")
    checkout.git("stash")
    assert checkout.validate(diff).found == [("confined", BASE, 2)]


def test_a_waiver_of_yaml_governs_from_the_next_change_on(checkout: Checkout) -> None:
    rule = RULE.format(checks="open-port").replace("id: rule", "id: ports")
    policy = (checkout.root / "policy.yaml").read_text("utf-8")
    checkout.write("policy.yaml", policy.rstrip() + rule)
    waiver = "    # guardrails: allow ports until 2999-01-31: shown to the world\n"
    checkout.write(BASE, f"services:\n  a:\n{waiver}    ports: ['80:80']\n")
    (told,) = checkout.check().document["violations"]
    assert (told["rule"], told["line"], told["notes"]) == (
        "ports",
        4,
        ["a waiver does not govern the change that adds it"],
    )
    assert checkout.check(everything=True).code == 0
    checkout.write(BASE, f"services:\n  a:\n{waiver}    ports: ['127.0.0.1:80:80']\n")
    assert [rule for rule, _, _ in checkout.check(everything=True).found] == ["guardrails/waiver"]
