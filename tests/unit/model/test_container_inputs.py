"""What a service's containers are given, read from the merged model."""

from __future__ import annotations

from typing import Any

from tests.unit.stacks import DOCUMENT

from optimus_ops.model.container_inputs import ContainerInput
from optimus_ops.model.merged_model import parse_stack


def given_by(service: dict[str, Any], **tables: Any) -> dict[str, ContainerInput]:
    document = {**DOCUMENT, **tables, "services": {"ai": {"image": "ai", **service}}}
    stack = parse_stack(document, balancer="nginx-lb", migrations="migrations")
    return {thing.key: thing for thing in stack.services["ai"].inputs}


def test_configs_and_secrets_are_given_by_file_content_and_environment() -> None:
    found = given_by(
        {
            "configs": [{"source": "inline"}, {"source": "file", "target": "/etc/app.yaml"}],
            "secrets": [{"source": "token"}, {"source": "key", "target": "/run/secrets/key"}],
        },
        configs={"inline": {"content": "price: 5$$"}, "file": {"file": "/srv/app.yaml"}},
        secrets={"token": {"environment": "TOKEN"}, "key": {"file": "/srv/key"}},
    )
    assert found["configuration inline"].content == "price: 5$"
    assert found["configuration inline"].target == "/inline"
    assert found["configuration /srv/app.yaml"].name == "file"
    assert found["secret token"].variable == "TOKEN"
    assert found["secret token"].target == "/run/secrets/token"
    assert found["secret /srv/key"].path == "/srv/key"
    assert [thing.name for thing in found.values() if thing.copied] == ["inline", "token"]


def test_files_and_folders_are_configuration_where_they_are_mounted_read_only() -> None:
    mounts = [
        {"type": "bind", "source": "/srv/conf", "target": "/etc/app", "read_only": True},
        {"type": "bind", "source": "/srv/data", "target": "/data"},
    ]
    found = given_by({"volumes": mounts})
    assert found["configuration /srv/conf"].name == "conf"
    assert "configuration /srv/data" not in found


def test_of_a_folder_whose_files_variables_name_only_these_are_configuration() -> None:
    mounts = [{"type": "bind", "source": "/srv/config", "target": "/etc/config", "read_only": True}]
    environment = {"TENANTS_FILE": "/etc/config/tenants.yaml", "OTHER": "/etc/config.yaml", "EMPTY": None}
    found = given_by({"volumes": mounts, "environment": environment})
    given = [(thing.name, thing.path, thing.target) for thing in found.values() if thing.kind == "configuration"]
    assert given == [("tenants.yaml", "/srv/config/tenants.yaml", "/etc/config/tenants.yaml")]


def test_of_a_folder_of_secrets_all_files_count_whatever_variables_name() -> None:
    mounts = [{"type": "bind", "source": "/srv/secrets", "target": "/run/secrets", "read_only": True}]
    found = given_by({"volumes": mounts, "environment": {"PASSWORD_FILE": "/run/secrets/PASSWORD"}})
    assert found["configuration /srv/secrets"].path == "/srv/secrets"


def test_mounts_that_hold_data_are_no_configuration() -> None:
    mounts = [
        {"type": "bind", "source": f"/srv/{name}", "target": f"/{name}", "read_only": True}
        for name in ("conf", "logs", "journal")
    ]
    label = "com.optimus.data-mounts"
    for labels in ({label: "/logs,/journal"}, [f"{label}=/logs,/journal"]):
        found = given_by({"volumes": mounts, "labels": labels})
        assert [thing.name for thing in found.values() if thing.kind == "configuration"] == ["conf"]


def test_which_volume_stands_behind_a_name_counts() -> None:
    mounts = {"volumes": [{"type": "volume", "source": "data", "target": "/data"}]}
    one = given_by(mounts, volumes={"data": {"name": "shop_data"}})["definition volume data"]
    other = given_by(mounts, volumes={"data": {"name": "elsewhere"}})["definition volume data"]
    assert one.content != other.content


def test_the_definition_is_told_key_by_key_and_without_what_changes_nothing_about_a_container() -> None:
    found = given_by(
        {
            "command": ["serve"],
            "deploy": {"replicas": 3, "resources": {"limits": {"cpus": 1}}},
            "depends_on": {"redis": {"condition": "service_started"}},
            "build": {"context": "."},
            "pull_policy": "always",
            "environment": {"A": "1"},
        }
    )
    definition = {thing.name for thing in found.values() if thing.kind == "definition"}
    assert definition == {"command", "deploy", "names of variables"}
    other = given_by({"deploy": {"replicas": 5, "resources": {"limits": {"cpus": 1}}}})
    assert found["definition deploy"].content == other["definition deploy"].content


def test_what_is_given_is_shown_without_its_content() -> None:
    found = given_by({"configs": [{"source": "c"}]}, configs={"c": {"content": "hunter2"}})
    assert "hunter2" not in repr(found)
