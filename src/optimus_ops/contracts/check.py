"""`invoke contracts.check`: whether committed offers are those of the sources, and needs are met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from optimus_ops.contracts.compare import breaks
from optimus_ops.contracts.model import FOLDER, NEEDS, OFFERS, SERVICES, Break, Contract
from optimus_ops.contracts.openapi_export import offer_of, services_with_contracts
from optimus_ops.contracts.reading import contract_of_checkout
from optimus_ops.errors import OpsError
from optimus_ops.project.settings import load_project
from optimus_ops.text.console import Console, print_json


def check_contracts(*, json: bool) -> None:
    """Check that committed offers are those of the sources, and that they meet the needs of the same checkout."""
    console = Console.standard(json=json)
    root = load_project().root
    services = services_with_contracts(root)
    outdated = [service for service in services if not _is_current(console, root, service)]
    read = {service: contract_of_checkout(root / SERVICES / service) for service in services}
    contracts = {service: contract for service, contract in read.items() if contract is not None}
    broken = unmet_needs(contracts)
    if json:
        print_json({"services": services, "outdated": outdated, "breaks": [asdict(found) for found in broken]})
    if outdated or broken:
        raise _failed(outdated, broken)
    pairs = [f"{consumer} -> {provider}" for consumer, contract in contracts.items() for provider in contract.expects]
    console.say(f"contracts: {len(contracts)} current, needs met: {', '.join(pairs) or 'none'}")


def unmet_needs(contracts: Mapping[str, Contract]) -> tuple[Break, ...]:
    """Return what the services of one checkout need of each other and don't offer."""
    found: list[Break] = []
    for consumer, contract in contracts.items():
        for provider, need in contract.expects.items():
            offer = contracts[provider].provides if provider in contracts else {"paths": {}}
            found += breaks(consumer, need, provider, offer)
    return tuple(found)


def _is_current(console: Console, root: Path, service: str) -> bool:
    file = root / SERVICES / service / FOLDER / OFFERS
    with console.step(f"offer of {service}") as progress:
        current = file.is_file() and file.read_text("utf-8", "replace") == offer_of(root, service)
        progress.note = "current" if current else "out of date"
    return current


def _failed(outdated: Sequence[str], broken: Sequence[Break]) -> OpsError:
    lines = [f"{SERVICES}/{service}/{FOLDER}/{OFFERS} is out of date" for service in outdated]
    hints = ["invoke contracts.generate"] if outdated else []
    if broken:
        hints.append(f"let the provider offer it, or change the consumer and its {NEEDS}")
    return OpsError("\n  ".join([*lines, *map(str, broken)]), "; ".join(hints))
