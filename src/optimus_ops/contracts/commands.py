"""The contracts tasks: writing offers from the sources, and checking what is committed."""

from __future__ import annotations

import json as json_module
from dataclasses import asdict
from typing import TYPE_CHECKING

from optimus_ops.contracts.compare import breaks
from optimus_ops.contracts.model import NEEDS, OFFERS, Break, Contract
from optimus_ops.contracts.openapi_export import SERVICES, offer_of, services_with_contracts
from optimus_ops.contracts.reading import FOLDER, contract_of_checkout
from optimus_ops.errors import OpsError, Refused
from optimus_ops.project.settings import load_project
from optimus_ops.text.console import Console

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def generate() -> None:
    """Write each service's offer from its sources.

    Raises:
        Refused: no service has a contract.
        OpsError: an application can't be made.
    """
    console = Console.standard()
    root = load_project().root
    for service in _services(root):
        with console.step(f"offer of {service}") as progress:
            progress.note = "written" if _write(root, service) else "as it was"


def check(*, json: bool) -> None:
    """Check that committed offers are those of the sources, and that they meet the needs of the same checkout.

    Args:
        json: print one document on standard output.

    Raises:
        Refused: no service has a contract, or one is malformed.
        OpsError: an offer is out of date, or a need is not met.
    """
    console = Console.standard(json=json)
    root = load_project().root
    services = _services(root)
    outdated = [service for service in services if not _is_current(console, root, service)]
    contracts = {service: contract for service in services if (contract := _contract(root, service)) is not None}
    broken = unmet_needs(contracts)
    if json:
        document = {"services": services, "outdated": outdated, "breaks": [asdict(found) for found in broken]}
        print(json_module.dumps(document, indent=2))
    if outdated or broken:
        raise _failed(outdated, broken)
    console.say(f"contracts: {_summary(contracts)}")


def unmet_needs(contracts: Mapping[str, Contract]) -> tuple[Break, ...]:
    """Return what the services of one checkout need of each other and don't offer.

    Args:
        contracts: service -> contract.

    Raises:
        Refused: a contract is malformed.
    """
    found: list[Break] = []
    for consumer, contract in contracts.items():
        for provider, need in contract.expects.items():
            offer = contracts[provider].provides if provider in contracts else {"paths": {}}
            found += breaks(consumer, need, provider, offer)
    return tuple(found)


def _services(root: Path) -> tuple[str, ...]:
    services = services_with_contracts(root)
    if not services:
        raise Refused("no service here has a contract", f"make a folder {SERVICES}/NAME/{FOLDER} with a {NEEDS}")
    return services


def _contract(root: Path, service: str) -> Contract | None:
    return contract_of_checkout(root / SERVICES / service)


def _offer_file(root: Path, service: str) -> Path:
    return root / SERVICES / service / FOLDER / OFFERS


def _write(root: Path, service: str) -> bool:
    """Write a service's offer, and a first empty list of needs; tell whether the offer changed."""
    file = _offer_file(root, service)
    text = offer_of(root, service)
    if not (needs := file.with_name(NEEDS)).exists():
        needs.write_text("{}\n", "utf-8")
    if file.is_file() and file.read_text("utf-8") == text:
        return False
    file.write_text(text, "utf-8")
    return True


def _is_current(console: Console, root: Path, service: str) -> bool:
    file = _offer_file(root, service)
    with console.step(f"offer of {service}") as progress:
        current = file.is_file() and file.read_text("utf-8", "replace") == offer_of(root, service)
        progress.note = "current" if current else "out of date"
    return current


def _failed(outdated: Sequence[str], broken: Sequence[Break]) -> OpsError:
    lines = [f"{SERVICES}/{service}/{FOLDER}/{OFFERS} is out of date" for service in outdated]
    hints = ["invoke contracts.generate"] if outdated else []
    if broken:
        lines += map(str, broken)
        hints.append(f"let the provider offer it, or change the consumer and its {NEEDS}")
    return OpsError("\n  ".join(lines), "; ".join(hints))


def _summary(contracts: Mapping[str, Contract]) -> str:
    pairs = [f"{consumer} -> {provider}" for consumer, contract in contracts.items() for provider in contract.expects]
    return f"{len(contracts)} current, needs met: {', '.join(pairs) or 'none'}"
