"""The committed contracts: offers are those of the code, needs are met, and images carry them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.unit.compose_files import built_services
from tests.unit.repository import CHECKOUT

from optimus_ops.contracts.check import unmet_needs
from optimus_ops.contracts.model import Contract
from optimus_ops.contracts.openapi_export import offer_of, offer_text, services_with_contracts
from optimus_ops.contracts.reading import contract_of_checkout
from optimus_ops.errors import OpsError, Refused

SERVICES = services_with_contracts(CHECKOUT)


def folder(service: str) -> Path:
    return CHECKOUT / "services" / service


def committed(service: str) -> Contract:
    found = contract_of_checkout(folder(service))
    assert found is not None
    return found


def test_every_service_with_an_image_has_a_contract() -> None:
    assert set(SERVICES) == built_services()


@pytest.mark.parametrize("service", SERVICES)
def test_the_committed_offer_is_that_of_the_code(service: str) -> None:
    text = (folder(service) / "contract" / "offers.json").read_text("utf-8")
    assert text == offer_of(CHECKOUT, service), "invoke contracts.generate"


def test_services_offer_what_others_need() -> None:
    assert unmet_needs({service: committed(service) for service in SERVICES}) == ()


def test_every_image_carries_its_contract() -> None:
    lines = (CHECKOUT / "services" / "Dockerfile").read_text("utf-8").splitlines()
    assert "COPY services/${SERVICE}/contract/ /opt/optimus/contract/" in lines
    assert "LABEL com.optimus.contract=/opt/optimus/contract" in lines


@pytest.mark.parametrize("consumer", SERVICES)
def test_who_is_told_the_address_of_a_service_says_what_it_needs_of_it(consumer: str) -> None:
    code = "\n".join(path.read_text("utf-8") for path in (folder(consumer) / "src").rglob("*.py"))
    variables = {f"{provider.replace('-', '_').upper()}_URL": provider for provider in SERVICES}
    called = {provider for name, provider in variables.items() if re.search(rf'"{name}"', code)}
    assert set(committed(consumer).expects) == called


def test_a_need_that_no_service_meets_is_named() -> None:
    contracts = {service: committed(service) for service in SERVICES}
    offers = json.loads(json.dumps(contracts["memory-engine"].provides))
    del offers["components"]["schemas"]["FoundOut"]["properties"]["text"]
    broken = unmet_needs({**contracts, "memory-engine": Contract(offers, {})})
    assert [str(one) for one in broken] == [
        "ai-engine uses memory-engine: POST /v1/memories/search, response 200 .results[].text is not offered"
    ]
    del contracts["memory-engine"]
    assert [one.reason for one in unmet_needs(contracts)] == ["is not offered"]


def test_an_application_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    package = tmp_path / "services" / "shop" / "src" / "shop"
    package.mkdir(parents=True)
    (package / "app.py").write_text("def build_app():\n    raise ValueError('no address of the stock')\n")
    with pytest.raises(OpsError, match="shop: its application can't be made: ValueError: no address of the stock"):
        offer_of(tmp_path, "shop")


def test_an_offer_tells_nothing_but_the_contract() -> None:
    said: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Shop", "version": "4.2", "description": "sells"},
        "paths": {
            "/title": {
                "get": {
                    "operationId": "x",
                    "summary": "x",
                    "tags": ["x"],
                    "responses": {
                        "200": {
                            "description": "fine",
                            "content": {
                                "application/json": {
                                    "schema": {
                                        "title": "Out",
                                        "properties": {"title": {"title": "Title", "default": {"title": 1}}},
                                    }
                                }
                            },
                        }
                    },
                }
            }
        },
    }
    schema = {"properties": {"title": {"default": {"title": 1}}}}
    answer = {"description": "", "content": {"application/json": {"schema": schema}}}
    assert json.loads(offer_text(said)) == {
        "openapi": "3.1.0",
        "info": {"title": "Shop", "version": "0"},
        "paths": {"/title": {"get": {"responses": {"200": answer}}}},
    }


def test_a_folder_without_a_contract_has_none(tmp_path: Path) -> None:
    assert contract_of_checkout(tmp_path) is None


@pytest.mark.parametrize(
    ("offers", "needs", "said"),
    [
        (None, "{}", "offers.json of shop/contract can't be read"),
        ("{", "{}", "offers.json of shop/contract is not JSON"),
        ("[" * 100_000, "{}", "offers.json of shop/contract is not JSON: nested too deep"),
        ("[]", "{}", "offers.json of shop/contract is not an OpenAPI document"),
        ('{"swagger": "2.0", "paths": {}}', "{}", "must be 3.x"),
        ('{"openapi": "3.1.0", "paths": {}}', "[]", "needs.json of shop/contract must be an object"),
        ('{"openapi": "3.1.0", "paths": {}}', '{"stock": {}}', "needs.json of shop/contract, stock is not an OpenAPI"),
        ('{"openapi": "3.1.0", "paths": {}}', '"' + "x" * 2**20 + '"', "is larger than 1048576 bytes"),
    ],
)
def test_a_malformed_contract_is_refused_by_file(tmp_path: Path, offers: str | None, needs: str, said: str) -> None:
    made = tmp_path / "shop" / "contract"
    made.mkdir(parents=True)
    (made / "needs.json").write_text(needs)
    if offers is not None:
        (made / "offers.json").write_text(offers)
    with pytest.raises(Refused, match=re.escape(said)):
        contract_of_checkout(tmp_path / "shop")
