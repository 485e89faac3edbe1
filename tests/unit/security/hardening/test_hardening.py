"""Each rule of hardening finds what it is for, in Compose files and in what runs, and nothing in a hardened service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.engine import FakeEngine

from optimus_ops.errors import Refused
from optimus_ops.model.merged_model import parse_stack
from optimus_ops.security.hardening.compose_check import ALL_RULES, Combination, check_compose
from optimus_ops.security.hardening.compose_settings import settings_of_model
from optimus_ops.security.hardening.container_settings import settings_of_container
from optimus_ops.security.hardening.rules import HARDENING
from optimus_ops.security.hardening.running_check import BY_FILES, check_running, compared
from optimus_ops.security.model import CouldNotRun

HARDENED: dict[str, Any] = {
    "image": "web:1.2",
    "user": "1001:1001",
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "read_only": True,
    "healthcheck": {"test": ["CMD", "true"]},
    "deploy": {"resources": {"limits": {"memory": "1048576", "pids": 256}}},
    "networks": {"inside": None},
    "volumes": [
        {"type": "bind", "source": "/srv/app/config", "target": "/etc/app", "read_only": True},
        {"type": "bind", "source": "/srv/app/secrets/web", "target": "/run/secrets", "read_only": True},
        {"type": "volume", "source": "data", "target": "/data"},
    ],
    "ports": [{"target": 80, "published": "8080", "host_ip": "127.0.0.1"}],
    "environment": {"PASSWORD_FILE": "/run/secrets/PASSWORD", "TOKEN": ""},
}
RAW: dict[str, Any] = {
    "Id": "1",
    "RestartCount": 0,
    "Config": {
        "Image": "web:1.2",
        "User": "1001:1001",
        "Env": ["PATH=/bin"],
        "Labels": {"com.docker.compose.service": "web"},
        "Healthcheck": {"Test": ["CMD", "true"]},
    },
    "HostConfig": {
        "CapDrop": ["ALL"],
        "CapAdd": None,
        "SecurityOpt": ["no-new-privileges:true"],
        "ReadonlyRootfs": True,
        "Privileged": False,
        "PidMode": "",
        "IpcMode": "private",
        "NetworkMode": "shop_inside",
        "Memory": 1048576,
        "PidsLimit": 256,
        "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]},
    },
    "Mounts": [
        {"Type": "bind", "Source": "/srv/app/config", "Destination": "/etc/app", "RW": False},
        {"Type": "bind", "Source": "/srv/app/secrets/web", "Destination": "/run/secrets", "RW": False},
        {"Type": "volume", "Name": "shop_data", "Destination": "/data", "RW": True},
    ],
    "NetworkSettings": {"Networks": {"shop_inside": {}}},
}


def bind(source: str, target: str = "/mnt", *, read_only: bool = True) -> dict[str, Any]:
    return {"type": "bind", "source": source, "target": target, "read_only": read_only}


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("root-user", {"user": "0:0"}),
    ("root-user", {"user": "root"}),
    ("capabilities", {"cap_drop": ["NET_RAW"]}),
    ("strong-capability", {"cap_add": ["CAP_SYS_ADMIN"]}),
    ("new-privileges", {"security_opt": []}),
    ("unconfined", {"security_opt": ["no-new-privileges:true", "seccomp:unconfined"]}),
    ("unconfined", {"security_opt": ["no-new-privileges:true", "apparmor=unconfined"]}),
    ("writable-root", {"read_only": False}),
    ("privileged", {"privileged": True}),
    ("namespaces", {"pid": "host"}),
    ("namespaces", {"ipc": "host"}),
    ("namespaces", {"network_mode": "host", "networks": {"inside": None}}),
    ("namespaces", {"network_mode": "service:db", "networks": {"inside": None}}),
    ("engine-socket", {"volumes": [bind("/var/run/docker.sock")]}),
    ("sensitive-mount", {"volumes": [bind("/")]}),
    ("sensitive-mount", {"volumes": [bind("/etc/")]}),
    ("writable-bind", {"volumes": [bind("/srv/code", read_only=False)]}),
    ("device", {"devices": [{"source": "/dev/kvm", "target": "/dev/kvm"}]}),
    ("open-port", {"ports": [{"target": 80, "published": "80"}]}),
    ("open-port", {"ports": [{"target": 80, "published": "80", "host_ip": "0.0.0.0"}]}),
    ("open-port", {"ports": [{"target": 80, "published": "80", "host_ip": "::"}]}),
    ("image-pin", {"image": "web:latest"}),
    ("image-pin", {"image": "registry:5000/web"}),
    ("memory-limit", {"deploy": {"resources": {"limits": {"pids": 1}}}}),
    ("pids-limit", {"deploy": {"resources": {"limits": {"memory": "1"}}}}),
    ("health-check", {"healthcheck": None}),
    ("health-check", {"healthcheck": {"disable": True}}),
    ("plain-secret", {"environment": {"DB_PASSWORD": "k7QzvR2mXw9LbT4n"}}),
    ("plain-secret", {"labels": {"traefik.token": "k7QzvR2mXw9LbT4n"}}),
    ("plain-secret", {"build": {"context": "/nowhere", "args": {"PIP_TOKEN": "k7QzvR2mXw9LbT4n"}}}),
    ("open-store", {"networks": {"default": None}}),
]


@dataclass(frozen=True)
class Files:
    """Compose files of one service."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    refuses: bool = False
    files: tuple[Path, ...] = ()

    def document(self) -> dict[str, Any]:
        if self.refuses:
            raise Refused("no such service")
        networks = {"inside": {"internal": True}, "default": {}}
        return {
            "name": "shop",
            "services": {"web": HARDENED | dict(self.changes)},
            "networks": networks,
            "volumes": {"data": {}},
        }

    def stack_of(self, document: Mapping[str, Any]) -> Any:
        return parse_stack(document, balancer="", migrations="")


def judged(*combinations: tuple[tuple[str, ...], Files]) -> Any:
    return check_compose((Combination(names, files) for names, files in combinations), Path("/"), {})  # type: ignore[arg-type]  # what is asked of it


def test_a_hardened_service_has_no_finding_in_files_or_running() -> None:
    assert judged(((), Files())).findings == ()
    assert running(RAW).findings == ()


@pytest.mark.parametrize(("rule", "changes"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_each_weakness_in_the_files_is_found_by_its_rule(rule: str, changes: dict[str, Any]) -> None:
    rules = {finding.rule for finding in judged(((), Files(changes))).findings}
    assert rules == {rule}


def test_every_rule_of_the_files_has_a_weakness_that_it_finds() -> None:
    assert {rule.name for rule in ALL_RULES} - {rule for rule, _ in WRONG} == {"writable-secrets"}


def test_a_folder_of_secrets_that_can_be_written_into_is_found_by_both_of_its_rules() -> None:
    files = Files({"volumes": [bind("/srv/app/secrets/web", "/run/secrets", read_only=False)]})
    assert {finding.rule for finding in judged(((), files)).findings} == {"writable-secrets", "writable-bind"}


def test_a_finding_names_the_combinations_that_have_it_and_those_that_compose_takes_not() -> None:
    weak = Files({"read_only": False})
    outcome = judged(((), Files()), (("dev",), weak), (("scale", "dev"), weak), (("odd",), Files(refuses=True)))
    (finding,) = outcome.findings
    assert finding.message.endswith("(dev; scale + dev)")
    assert outcome.scope == "3 combinations of Compose files; Compose takes none of: odd"


def test_files_that_compose_cannot_read_are_not_clean() -> None:
    with pytest.raises(CouldNotRun):
        judged(((), Files(refuses=True)))


def test_the_place_of_a_finding_is_the_services_line_in_the_last_file_that_has_it(tmp_path: Path) -> None:
    base, overlay = tmp_path / "a.yml", tmp_path / "b.yml"
    base.write_text("services:\n  web:\n    image: a\n")
    overlay.write_text("x-a: 1\nservices:\n  db: {}\n  web: !override\n    user: root\n")
    (finding,) = check_compose(
        [Combination((), Files({"user": "root"}, files=(base, overlay)))],  # type: ignore[arg-type]  # as above
        tmp_path,
        {},
    ).findings
    assert str(finding.place) == "b.yml:4"


def test_a_health_check_of_the_dockerfile_counts(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\nHEALTHCHECK CMD true\n")
    build = {"context": str(tmp_path)}
    assert judged(((), Files({"healthcheck": {"interval": "10s"}, "build": build}))).findings == ()
    (tmp_path / "Dockerfile").write_text("FROM a\nHEALTHCHECK NONE\n")
    assert [finding.rule for finding in judged(((), Files({"healthcheck": None, "build": build}))).findings] == [
        "health-check"
    ]


@dataclass
class Engine(FakeEngine):
    shown: tuple[Mapping[str, Any], ...] = ()

    def inspect(self, project: str) -> tuple[Mapping[str, Any], ...]:
        del project
        return self.shown


def running(raw: Mapping[str, Any]) -> Any:
    wanted = settings_of_model(Files().document(), (), {})
    return check_running(Engine(shown=(raw,)), "shop", wanted)


def changed(part: str, **changes: Any) -> dict[str, Any]:
    return RAW | {part: RAW[part] | changes}


RUNNING: list[tuple[str, dict[str, Any]]] = [
    ("root-user", changed("Config", User="")),
    ("capabilities", changed("HostConfig", CapDrop=None)),
    ("strong-capability", changed("HostConfig", CapAdd=["CAP_SYS_PTRACE"])),
    ("new-privileges", changed("HostConfig", SecurityOpt=None)),
    ("unconfined", changed("HostConfig", SecurityOpt=["no-new-privileges:true", "seccomp=unconfined"])),
    ("writable-root", changed("HostConfig", ReadonlyRootfs=False)),
    ("privileged", changed("HostConfig", Privileged=True)),
    ("namespaces", changed("HostConfig", PidMode="host")),
    ("namespaces", changed("HostConfig", IpcMode="container:abc")),
    (
        "engine-socket",
        RAW | {"Mounts": [{"Type": "bind", "Source": "/var/run/docker.sock", "Destination": "/s", "RW": False}]},
    ),
    ("sensitive-mount", RAW | {"Mounts": [{"Type": "bind", "Source": "/etc", "Destination": "/s", "RW": False}]}),
    ("writable-bind", RAW | {"Mounts": [{"Type": "bind", "Source": "/srv/x", "Destination": "/s", "RW": True}]}),
    (
        "writable-secrets",
        RAW | {"Mounts": [{"Type": "bind", "Source": "/srv/x", "Destination": "/run/secrets", "RW": True}]},
    ),
    ("device", changed("HostConfig", Devices=[{"PathOnHost": "/dev/kvm"}])),
    ("open-port", changed("HostConfig", PortBindings={"80/tcp": [{"HostIp": "", "HostPort": "80"}]})),
    ("memory-limit", changed("HostConfig", Memory=0)),
    ("pids-limit", changed("HostConfig", PidsLimit=-1)),
    ("restart-loop", RAW | {"RestartCount": 12}),
]


@pytest.mark.parametrize(("rule", "raw"), RUNNING, ids=lambda value: value if isinstance(value, str) else "")
def test_each_weakness_of_a_running_container_is_found(rule: str, raw: dict[str, Any]) -> None:
    assert rule in {finding.rule for finding in running(raw).findings}


def test_every_rule_of_containers_has_a_weakness_that_it_finds() -> None:
    assert {rule.name for rule in HARDENING} - BY_FILES == {rule for rule, _ in RUNNING}


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (changed("Config", User="1002"), "user"),
        (changed("HostConfig", Memory=5), "memory limit"),
        (changed("HostConfig", CapAdd=["NET_ADMIN"]), "added capabilities"),
        (RAW | {"Mounts": RAW["Mounts"][1:]}, "mounts"),
        (RAW | {"NetworkSettings": {"Networks": {"shop_inside": {}, "other": {}}}}, "networks"),
    ],
)
def test_where_a_container_differs_from_its_file_it_is_said_how(raw: dict[str, Any], name: str) -> None:
    wanted = settings_of_model(Files().document(), (), {})["web"]
    assert list(compared(wanted, settings_of_container(raw, "shop"))) == [name]
    messages = [finding.message for finding in running(raw).findings if finding.rule == "differs"]
    assert [message.partition(" of a container")[0] for message in messages] == [name]


def test_a_container_of_compose_run_may_differ_and_has_to_be_hardened() -> None:
    labels = {"com.docker.compose.service": "web", "com.docker.compose.oneoff": "True"}
    raw = RAW | {"Config": RAW["Config"] | {"Labels": labels}, "HostConfig": RAW["HostConfig"] | {"Privileged": True}}
    assert [finding.rule for finding in running(raw).findings] == ["privileged"]


def test_a_container_of_a_service_that_no_file_has_is_found() -> None:
    raw = changed("Config", Labels={"com.docker.compose.service": "old"})
    assert [finding.id for finding in running(raw).findings] == ["running/unknown-service"]
