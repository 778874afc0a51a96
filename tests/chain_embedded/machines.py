"""py-evm's own Prague machine, to hold the faster one against."""

from __future__ import annotations

from typing import Any

from embedded_programme import FUNDS, OPERATOR_BYTES
from eth.chains.base import Chain, MiningChain
from eth.consensus import ConsensusApplier, NoProofConsensus
from eth.db.atomic import AtomicDB
from eth.vm.forks.prague import PragueVM

from token_service.chain.embedded import EmbeddedChain
from token_service.chain.embedded.machine import FastVM

SENDER, CONTRACT, OTHER = b"\x01" * 20, b"\x02" * 20, b"\x03" * 20
MACHINES = PragueVM, FastVM


def new_machine(machine: type[Any], codes: dict[bytes, bytes]) -> Any:
    """A machine at the first block after a genesis where these addresses hold code and everybody holds funds."""
    accounts = {
        address: {"balance": 10**20, "nonce": 1, "code": codes.get(address, b""), "storage": {1: 7, 2: 9}}
        for address in {SENDER, CONTRACT, OTHER, *codes}
    }
    configured = ConsensusApplier(NoProofConsensus).amend_vm_configuration(((0, machine),))
    chain_class = MiningChain.configure(__name__="Plain", vm_configuration=configured, chain_id=7)
    parameters = {"difficulty": 0, "gas_limit": 60_000_000, "timestamp": 1_000_000_000}
    chain = chain_class.from_genesis(AtomicDB(), parameters, accounts)
    header = chain.create_header_from_parent(chain.get_canonical_head(), timestamp=1_000_000_012)
    return chain.get_vm(header)


def replica_of(chain: EmbeddedChain) -> Chain:
    """The same genesis under py-evm's own machine, ready to import the chain's blocks, which checks every root in them."""
    with chain.view() as view:
        genesis = view.header(0)
    configured = ConsensusApplier(NoProofConsensus).amend_vm_configuration(((0, PragueVM),))
    chain_class = Chain.configure(__name__="Replica", vm_configuration=configured, chain_id=chain.chain_id)
    parameters = {name: getattr(genesis, name) for name in ("difficulty", "gas_limit", "timestamp", "extra_data")}
    funded = {OPERATOR_BYTES: {"balance": FUNDS, "nonce": 0, "code": b"", "storage": {}}}
    replica = chain_class.from_genesis(AtomicDB(), parameters, funded)
    assert replica.get_canonical_head().hash == genesis.hash
    return replica
