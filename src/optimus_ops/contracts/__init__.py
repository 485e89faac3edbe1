"""Contracts: what services offer and need, whether versions fit, and the order in which they can be deployed."""

from optimus_ops.contracts.agreement import Agreement, agree_on_deploy, agreement, check_deploy, contracts_to_come
from optimus_ops.contracts.compare import breaks
from optimus_ops.contracts.model import Break, Contract
from optimus_ops.contracts.order import deploy_order
from optimus_ops.contracts.reading import contract_of_checkout, contract_of_image

__all__ = [
    "Agreement",
    "Break",
    "Contract",
    "agree_on_deploy",
    "agreement",
    "breaks",
    "check_deploy",
    "contract_of_checkout",
    "contract_of_image",
    "contracts_to_come",
    "deploy_order",
]
