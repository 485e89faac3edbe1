"""Contracts in images, read by a real engine that runs nothing of them."""

from __future__ import annotations

import io
import json
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import ImageNotFound
from tests.support.leftovers import NAME

from optimus_ops.contracts.agreement import agree_on_deploy, check_deploy
from optimus_ops.contracts.reading import contract_of_checkout, contract_of_image
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.docker_images import READER_LABEL
from optimus_ops.errors import Refused

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
IMAGES = f"{NAME}/contracts"
FOLDER = "/opt/optimus/contract"
COMPOSE_LABELS = {"com.docker.compose.project": NAME, "com.docker.compose.service": "shop"}

Make = Callable[..., str]


@pytest.fixture(scope="module")
def engine() -> DockerEngine:
    return DockerEngine.connect()


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """Return an image without a program: whatever was run of it would fail."""
    name = f"{IMAGES}:base-{uuid.uuid4().hex[:8]}"
    api = docker.from_env().api
    api.import_image_from_data(
        archive({"etc/motd": b"nothing runs here"}), repository=IMAGES, tag=name.partition(":")[2]
    )
    yield name
    api.remove_image(name, force=True)


@pytest.fixture
def make(base: str) -> Iterator[Make]:
    """Return what makes an image with files, labelled to have a contract."""
    api = docker.from_env().api
    made: list[str] = []

    def image(files: Mapping[str, bytes], folder: str = FOLDER, **labels: str) -> str:
        made.append(f"{IMAGES}:{uuid.uuid4().hex[:8]}")
        recipe = f"FROM {base}\nCOPY files/ /\nLABEL com.optimus.contract={folder}\n"
        context = archive({"Dockerfile": recipe.encode(), **{f"files{name}": text for name, text in files.items()}})
        said = COMPOSE_LABELS | {name.replace("_", "."): value for name, value in labels.items()}
        *_, last = api.build(
            fileobj=io.BytesIO(context), custom_context=True, tag=made[-1], labels=said, rm=True, decode=True
        )
        assert "error" not in last
        return made[-1]

    yield image
    for name in made:
        try:
            api.remove_image(name, force=True)
        except ImageNotFound:
            continue


def archive(files: Mapping[str, bytes]) -> bytes:
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w") as members:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            members.addfile(member, io.BytesIO(content))
    return kept.getvalue()


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def openapi(*fields: str) -> dict[str, Any]:
    """Return a document whose one endpoint answers with text fields, all of them always there."""
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in fields}, "required": list(fields)}
    answer = {"description": "", "content": {"application/json": {"schema": schema}}}
    return {"openapi": "3.1.0", "paths": {"/stock": {"get": {"responses": {"200": answer}}}}}


def files(offer: Any, needs: Any) -> dict[str, bytes]:
    return {f"{FOLDER}/offers.json": encoded(offer), f"{FOLDER}/needs.json": encoded(needs)}


def readers(image: str) -> list[Any]:
    """Return what is there to read an image through; others may be reading others at the same time."""
    filters = {"label": READER_LABEL, "ancestor": image}
    found: list[Any] = docker.from_env().api.containers(all=True, filters=filters)
    return found


def test_a_contract_is_read_out_of_an_image_that_can_run_nothing(engine: DockerEngine, make: Make) -> None:
    image = make(files(openapi("a"), {"bank": openapi("b")}))
    contract = contract_of_image(engine, image)
    assert contract is not None
    assert contract.provides == openapi("a")
    assert contract.expects == {"bank": openapi("b")}
    assert readers(image) == []


def test_the_contract_of_a_real_image_is_that_of_its_checkout(engine: DockerEngine, make: Make) -> None:
    folder = ROOT / "services" / "ai-engine"
    copied = {f"{FOLDER}/{path.name}": path.read_bytes() for path in (folder / "contract").iterdir()}
    assert contract_of_image(engine, make(copied)) == contract_of_checkout(folder)


def test_while_an_image_is_read_its_project_has_no_further_replica(engine: DockerEngine, make: Make) -> None:
    image = make(files(openapi(), {}))
    seen: list[Any] = []

    class Watching:
        """The API, looked at from aside while a container is there."""

        def __getattr__(self, name: str) -> Any:
            if name == "get_archive":
                seen.append((engine.observe(NAME).replicas, readers(image)))
            return getattr(engine.api, name)

    contract_of_image(DockerEngine(Watching(), engine.node), image)
    [(replicas, [reader])] = seen
    assert replicas == ()
    assert reader["State"] == "created"


def test_what_a_killed_reader_left_is_removed_by_a_later_one(
    engine: DockerEngine, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = make(files(openapi(), {}))
    labels = {READER_LABEL: "true"}
    left = engine.api.create_container(image, command=["true"], labels=labels)["Id"]
    contract_of_image(engine, image)
    assert [reader["Id"] for reader in readers(image)] == [left]
    later = time.time() + 3600
    monkeypatch.setattr("optimus_ops.engine.docker_images.time.time", lambda: later)
    contract_of_image(engine, image)
    assert readers(image) == []


def test_an_image_without_the_label_has_no_contract(engine: DockerEngine, base: str) -> None:
    assert contract_of_image(engine, base) is None


def test_an_image_that_is_not_there_is_refused(engine: DockerEngine) -> None:
    with pytest.raises(Refused, match=f"there is no image {IMAGES}:gone on this machine"):
        contract_of_image(engine, f"{IMAGES}:gone")


@pytest.mark.parametrize(
    ("content", "folder", "said"),
    [
        ({"/other": b""}, FOLDER, f"has no folder {FOLDER}"),
        ({f"{FOLDER}/needs.json": b"{}"}, FOLDER, "has no offers.json in"),
        ({f"{FOLDER}/needs.json": b"{}", f"{FOLDER}/offers.json": b"{"}, FOLDER, "is not JSON"),
        ({f"{FOLDER}/needs.json": b" " * 3 * 1024 * 1024}, FOLDER, "is larger than"),
        ({"/other": b""}, "../etc", "must be an absolute path"),
    ],
)
def test_a_malformed_contract_is_refused_with_the_image(
    engine: DockerEngine, make: Make, content: dict[str, bytes], folder: str, said: str
) -> None:
    image = make(content, folder)
    with pytest.raises(Refused, match=said) as refused:
        contract_of_image(engine, image)
    assert image in refused.value.message
    assert readers(image) == []


def test_a_deploy_is_ordered_and_checked_by_what_images_carry(engine: DockerEngine, make: Make) -> None:
    old_shop, new_shop = (make(files(openapi(), {"bank": openapi(*names)})) for names in ("a", "ab"))
    old_bank, new_bank = (make(files(openapi(*names), {})) for names in ("a", "ab"))
    ids = engine.images([old_shop, old_bank])
    running = {"shop": {ids[old_shop]}, "bank": {ids[old_bank]}, "store": set[str]()}
    new = {"shop": new_shop, "bank": new_bank}
    agreed = agree_on_deploy(engine, new, running)
    assert (agreed.order, agreed.text) == (("bank", "shop"), "compatible: shop -> bank")
    assert check_deploy(engine, {"bank": new_bank, "shop": new_shop}, running) == agreed
    with pytest.raises(Refused, match="another order than the planned one: bank, shop"):
        check_deploy(engine, new, running)
    with pytest.raises(Refused, match=r"the new shop does not fit the running bank: .* GET /stock, response 200 \.b"):
        agree_on_deploy(engine, {"shop": new_shop}, running)
    assert agree_on_deploy(engine, {"shop": "to be built"}, running, to_come={"shop": None}).unknown == ("shop",)


def test_an_image_that_is_gone_from_under_its_replicas_is_not_compared(engine: DockerEngine, make: Make) -> None:
    shop = make(files(openapi(), {"bank": openapi("a")}))
    agreed = agree_on_deploy(engine, {"shop": shop}, {"shop": set(), "bank": {"sha256:" + "0" * 64}})
    assert agreed.unknown == ("bank",)
