"""Is the contract on the chain the one that this package was built with?"""

from __future__ import annotations

from dataclasses import dataclass

from token_service.chain import reads
from token_service.chain.node import Node
from token_service.errors import WrongContract
from token_service.protocol.contract_build import contract_build, expected_immutables
from token_service.protocol.hashing import address_to_bytes


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the contract is. `created` is False if it was there already."""

    address: str
    chain_id: int
    block_number: int
    genesis_hash: str
    created: bool


def check_contract(node: Node, deployment: Deployment) -> None:
    """Raises WrongContract unless the code at the address is the published build with the right immutables."""
    build = contract_build()
    code = reads.code(node, deployment.address)
    if not code:
        raise WrongContract("there is no contract at the recorded address", address=deployment.address)
    if not build.is_code_of_build(code):
        raise WrongContract(
            "the code at the recorded address is not this version's build: run the version of Méreau that deployed it",
            address=deployment.address,
        )
    found = build.immutables_in(code)
    expected = expected_immutables(
        chain_id=deployment.chain_id,
        address=address_to_bytes(deployment.address),
        deployed_at=deployment.block_number,
        notice_period=int.from_bytes(found["noticePeriod"]),
        sunset_notice=int.from_bytes(found["sunsetNotice"]),
    )
    for name, value in expected.items():
        if found[name] != value:
            raise WrongContract(f"the contract's {name} is not what it must be", address=deployment.address)
