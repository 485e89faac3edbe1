"""Values in images, containers and the work tree: each place that shows one is named, and no value is."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.engine import FakeEngine
from tests.fakes.images import write_archive
from tests.unit.security.conftest import AWS_KEY, Repository

from optimus_ops.secrets.value import Secret
from optimus_ops.security.exposure.container_leaks import LOG_LINES, container_leaks
from optimus_ops.security.exposure.image_leaks import image_leaks
from optimus_ops.security.exposure.known_values import KnownSecret, known_values
from optimus_ops.security.exposure.matcher import Matcher
from optimus_ops.security.exposure.work_tree import work_tree_leaks
from optimus_ops.security.model import ScanFinding

CANARY = "Qm4zT7vW" + "1xB9nR5kLc8Yp2"
ENCODED = base64.b64encode(f"user:{CANARY}".encode()).decode()
VALUES = known_values([KnownSecret("API_TOKEN", Secret(CANARY))])
MATCHER = Matcher.of(VALUES)


@dataclass
class Engine(FakeEngine):
    """An engine with images that a test made, and containers as `docker inspect` shows them."""

    archives: dict[str, tuple[dict[str, Any], list[Mapping[str, bytes]]]] = field(default_factory=dict)
    shown: tuple[Mapping[str, Any], ...] = ()
    logged: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()

    def images(self, names: Any) -> dict[str, str]:
        return {name: f"sha256:{name}" for name in names if name in self.archives}

    def save_image(self, image: str, archive: Path, *, seconds: float) -> None:
        del seconds
        configuration, layers = self.archives[image]
        write_archive(archive, json.dumps(configuration).encode(), layers)

    def inspect(self, project: str) -> tuple[Mapping[str, Any], ...]:
        del project
        return self.shown

    def logs(self, container: str, *, tail: int | None = 25, since: float | None = None, stderr: bool = True) -> Any:
        del container, since, stderr
        return self.logged[-(tail or 0) :]

    def processes(self, container: str) -> tuple[str, ...]:
        del container
        return self.arguments


def shown(findings: tuple[ScanFinding, ...]) -> list[tuple[str, str]]:
    assert CANARY not in repr(findings)
    assert ENCODED not in repr(findings)
    return [(finding.id, finding.place.file) for finding in findings]


def image(*layers: Mapping[str, bytes], **configuration: Any) -> tuple[dict[str, Any], list[Mapping[str, bytes]]]:
    return {"rootfs": {"diff_ids": [f"sha256:{id(layer)}" for layer in layers]}, **configuration}, list(layers)


def look_at_images(**archives: Any) -> Any:
    return image_leaks(Engine(archives=archives), tuple(archives), MATCHER, lambda _: None)


def test_a_file_of_a_layer_is_found_though_a_later_layer_deletes_it() -> None:
    layers: list[Mapping[str, bytes]] = [{"app/conf": CANARY.encode()}, {"app/.wh.conf": b""}]
    assert shown(look_at_images(shop=image(*layers)).findings) == [("images/secret-value", "image:shop/app/conf")]


@pytest.mark.parametrize(
    ("part", "configuration"),
    [
        ("Env", {"config": {"Env": [f"A={CANARY}"]}}),
        ("Labels", {"config": {"Labels": {"a": ENCODED}}}),
        ("Cmd", {"config": {"Cmd": ["run", f"--token={CANARY}"]}}),
        ("Healthcheck", {"config": {"Healthcheck": {"Test": ["CMD", CANARY]}}}),
        ("history", {"history": [{"created_by": f"RUN login {CANARY}"}]}),
    ],
)
def test_what_an_images_configuration_shows_is_found(part: str, configuration: dict[str, Any]) -> None:
    assert shown(look_at_images(shop=image({}, **configuration)).findings) == [
        ("images/secret-value", f"image:shop/{part}"),
    ]


def test_a_layer_that_images_share_counts_once_and_one_of_no_known_digest_each_time() -> None:
    layer = {"a": CANARY.encode()}
    assert len(look_at_images(first=image(layer), second=image(layer)).findings) == 1
    bare: tuple[dict[str, Any], list[Mapping[str, bytes]]] = ({}, [layer])
    assert len(look_at_images(first=bare, second=bare).findings) == 2


def test_files_that_are_named_like_secrets_and_keys_of_providers_are_found() -> None:
    found = look_at_images(shop=image({"root/.ssh/id_rsa": b"x", "b": AWS_KEY.encode()})).findings
    assert shown(found) == [
        ("images/secret-file", "image:shop/root/.ssh/id_rsa"),
        ("images/key-aws-access-key", "image:shop/b"),
    ]


def test_images_that_are_not_here_are_named() -> None:
    outcome = image_leaks(Engine(archives={"shop": image({})}), ("shop", "other:1"), MATCHER, lambda _: None)
    assert outcome.missing == "not on this host: other:1"


def container(**changes: Any) -> dict[str, Any]:
    config = {"Env": [], "Cmd": ["serve"], "Labels": {"com.docker.compose.service": "web"}, **changes.pop("Config", {})}
    return {"Id": "1", "Config": config, "State": {"Running": True}, "Mounts": [], **changes}


def look_at_containers(
    raw: Mapping[str, Any], secrets: Path = Path("/nowhere"), granted: Any = None, **engine: Any
) -> list[tuple[str, str]]:
    found = container_leaks(Engine(shown=(raw,), **engine), "shop", MATCHER, secrets, granted or {})
    return shown(found.findings)


@pytest.mark.parametrize(
    ("part", "raw"),
    [
        ("environment", container(Config={"Env": [f"URL=redis://:{CANARY}@redis"]})),
        ("command", container(Args=[f"--token={CANARY}"])),
        ("command", container(Config={"Entrypoint": ["run", ENCODED]})),
        ("labels", container(Config={"Labels": {"com.docker.compose.service": "web", "a": CANARY}})),
        ("healthcheck", container(Config={"Healthcheck": {"Test": ["CMD-SHELL", f"curl -H {CANARY}"]}})),
        ("health-log", container(State={"Running": True, "Health": {"Log": [{"Output": CANARY}]}})),
    ],
)
def test_what_docker_inspect_shows_is_found(part: str, raw: dict[str, Any]) -> None:
    assert look_at_containers(raw) == [("containers/secret-value", f"container:web/{part}")]


def test_logs_and_process_arguments_are_looked_through() -> None:
    logged = ("started", f"calling with {CANARY}", f"calling with {CANARY}")
    found = look_at_containers(container(), logged=logged, arguments=(f"1001 1 0 serve --key {CANARY}",))
    assert found == [
        ("containers/secret-value", "container:web/log"),
        ("containers/secret-value", "container:web/arguments"),
    ]


def test_the_logs_that_are_looked_through_are_said_to_be_the_last_lines() -> None:
    old = (CANARY, *("x" for _ in range(LOG_LINES)))
    outcome = container_leaks(Engine(shown=(container(),), logged=old), "shop", MATCHER, Path("/nowhere"), {})
    assert outcome.findings == ()
    assert "the last 5,000 lines of logs" in outcome.scope


def test_a_variable_that_is_named_like_a_secret_has_no_value() -> None:
    raw = container(Config={"Env": ["DB_PASSWORD=x", "DB_PASSWORD_FILE=/run/secrets/DB_PASSWORD", "API_KEY="]})
    assert look_at_containers(raw) == [("containers/secret-variable", "container:web/environment")]


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        (["{secrets}/web"], []),
        (["{secrets}"], ["containers/foreign-secrets"]),
        (["{secrets}/.."], ["containers/foreign-secrets"]),
        (["{secrets}/web", "{secrets}/db"], ["containers/foreign-secrets"]),
        (["{secrets}/unknown"], ["containers/foreign-secrets"]),
    ],
)
def test_a_service_reads_one_folder_of_secrets_that_the_schema_knows(
    sources: list[str], found: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "state" / "secrets"
    paths = [str(Path(source.format(secrets=folder)).resolve()) for source in sources]
    mounts = [{"Type": "bind", "Source": path, "Destination": f"/run/{path[-3:]}", "RW": False} for path in paths]
    granted = {"web": {"A"}, "db": {"A"}}
    assert [rule for rule, _ in look_at_containers(container(Mounts=mounts), folder, granted)] == found


def test_a_file_that_the_schema_gives_to_nobody_is_found(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    for name in ("A", "B"):
        (tmp_path / "web" / name).write_text("x")
    assert look_at_containers(container(), tmp_path, {"web": {"A"}}) == [
        ("containers/unknown-secret", "container:web/secrets"),
    ]


def test_files_of_the_work_tree_are_looked_through_tracked_untracked_and_ignored(repository: Repository) -> None:
    repository.commit(".gitignore", "*.log\n.venv/\n/state/\n.env.secrets\n")
    repository.commit("tracked", CANARY)
    repository.write("untracked", AWS_KEY)
    repository.write("a.log", f"{CANARY} {AWS_KEY}")
    repository.write(".venv/lib/package", CANARY)
    own = repository.write("state/secrets/web/TOKEN", CANARY)
    file = repository.write(".env.secrets", CANARY)
    (repository.root / "link").symlink_to(file)
    outcome = work_tree_leaks(repository.root, (file, own.parent), MATCHER, Matcher.of(VALUES, ()))
    assert shown(outcome.findings) == [
        ("work-tree/secret-value", "tracked"),
        ("work-tree/key-aws-access-key", "untracked"),
        ("work-tree/ignored-secret-value", "a.log"),
    ]
