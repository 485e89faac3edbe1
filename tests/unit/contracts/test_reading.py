"""Contracts that images carry: read without running anything, refused by name and reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.fakes.engine import FakeEngine
from tests.unit.contracts.documents import document

from optimus_ops.contracts.model import MAX_BYTES
from optimus_ops.contracts.reading import (
    CONTRACT_LABEL,
    MAX_ARCHIVE_BYTES,
    contract_of_checkout,
    contract_of_image,
    contracts_of_images,
)
from optimus_ops.errors import Refused

IMAGE, FOLDER = "shop/stock:1", "/srv/contract"
OFFER = json.dumps(document({"/items": {}})).encode()


def engine_with(label: str | None = FOLDER, **files: bytes) -> FakeEngine:
    """Return an engine with an image, whose folder has the files."""
    engine = FakeEngine(image_files={f"{FOLDER}/{name}.json": content for name, content in files.items()})
    engine.add_image(IMAGE, labels={} if label is None else {CONTRACT_LABEL: label})
    return engine


def test_the_contract_of_an_image_is_that_of_its_two_files() -> None:
    found = contract_of_image(engine_with(offers=OFFER, needs=b'{"shop": ' + OFFER + b"}"), IMAGE)
    assert found is not None
    assert list(found.provides["paths"]) == ["/items"]
    assert list(found.expects) == ["shop"]


def test_an_image_without_the_label_has_none() -> None:
    assert contract_of_image(engine_with(None), IMAGE) is None


@pytest.mark.parametrize(
    ("engine", "complaint"),
    [
        (FakeEngine(), "there is no image shop/stock:1 on this machine"),
        (engine_with("contract"), "must be an absolute path, it is 'contract'"),
        (engine_with("/srv/../etc"), "must be an absolute path"),
        (engine_with(), "has no folder /srv/contract"),
        (engine_with(offers=OFFER), "has no needs.json in /srv/contract"),
        (engine_with(other=b""), "has no offers.json and no needs.json"),
        (engine_with(offers=b" " * (MAX_BYTES + 1), needs=b"{}"), "offers.json of image shop/stock:1 is larger than"),
        (engine_with(offers=b" " * MAX_ARCHIVE_BYTES), f"{FOLDER} is larger than {MAX_ARCHIVE_BYTES} bytes"),
        (engine_with(offers=b"[" * 100_000, needs=b"{}"), "not JSON: nested too deep"),
        (engine_with(offers=b"{}", needs=b"{}"), "no OpenAPI document|not an OpenAPI document"),
        (engine_with(offers=OFFER, needs=b"[]"), "needs.json of image shop/stock:1 must be an object"),
    ],
)
def test_a_contract_that_can_not_be_read_is_refused(engine: FakeEngine, complaint: str) -> None:
    with pytest.raises(Refused, match=complaint):
        contract_of_image(engine, IMAGE)


def test_an_archive_that_is_cut_off_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_with(offers=OFFER, needs=b"{}")
    whole = engine.read_image(IMAGE, FOLDER, limit=MAX_ARCHIVE_BYTES)
    monkeypatch.setattr(engine, "read_image", lambda *_words, **_limit: whole[: len(OFFER) // 2])
    with pytest.raises(Refused, match="the contract of image shop/stock:1 can't be read"):
        contract_of_image(engine, IMAGE)


def test_an_image_with_several_names_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_with(offers=OFFER, needs=b"{}")
    engine.tag(IMAGE, "shop/stock:latest")
    read: list[str] = []
    read_image = engine.read_image

    def noted(image: str, folder: str, *, limit: int) -> bytes:
        read.append(image)
        return read_image(image, folder, limit=limit)

    monkeypatch.setattr(engine, "read_image", noted)
    found = contracts_of_images(engine, [IMAGE, "shop/stock:latest", IMAGE])
    assert read == [IMAGE]
    assert found[IMAGE] is found["shop/stock:latest"]
    assert found[IMAGE] is not None


def test_a_file_of_the_checkout_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "stock" / "contract").mkdir(parents=True)
    with pytest.raises(Refused, match=r"offers.json of stock/contract can't be read: No such file"):
        contract_of_checkout(tmp_path / "stock")
