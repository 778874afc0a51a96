"""The rules of the embedded chain: Prague's virtual machine without proof of work, and its genesis (DESIGN §5).

The chain id stands in the genesis header's `extra_data`, so the genesis hash differs between any two installs and the
file alone says what chain it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from eth.abc import BlockHeaderAPI, ChainDatabaseAPI
from eth.chains.base import MiningChain
from eth.consensus import ConsensusApplier, NoProofConsensus
from eth.constants import GENESIS_BLOCK_NUMBER
from eth.db.chain import ChainDB
from eth.exceptions import CanonicalHeadNotFound
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.state import PragueState

from token_service.chain.embedded.interpreter import FastComputation
from token_service.chain.embedded.storage import Accounts
from token_service.chain.embedded.store import BlockStore
from token_service.errors import BadSettings, NotInitialised
from token_service.units import Gas, Wei

BLOCK_GAS: Final = Gas(60_000_000)
CHAIN_ID_MIN: Final = 2**40
"""Above every id that a public chain list knows."""
CHAIN_ID_END: Final = 2**52
"""Browser wallets compute with doubles: `2 × id + 36` must stay exact."""
CHAIN_ID_BYTES: Final = 8


class FastState(PragueState):  # type: ignore[misc]  # py-evm's classes are untyped here
    """Prague's state; its contracts run and store faster, with the same outcome."""

    computation_class = FastComputation
    account_db_class = Accounts


class FastVM(PragueVM):  # type: ignore[misc]
    """Prague's virtual machine over FastState."""

    _state_class = FastState


MACHINES: Final = ConsensusApplier(NoProofConsensus).amend_vm_configuration(((GENESIS_BLOCK_NUMBER, FastVM),))


class PragueChain(MiningChain):  # type: ignore[misc]
    """py-evm's chain with our machine; blocks keep their parent's gas limit. Make one through `open_chain`."""

    vm_configuration = MACHINES

    def create_header_from_parent(self, parent_header: BlockHeaderAPI, **header_params: object) -> BlockHeaderAPI:
        """The next block's header. Without a `timestamp` it gets the parent's plus one, never the system's clock."""
        header_params.setdefault("gas_limit", parent_header.gas_limit)
        header_params.setdefault("timestamp", parent_header.timestamp + 1)
        return super().create_header_from_parent(parent_header, **header_params)


def chain_id_from(entropy: bytes) -> int:
    """A chain id in [2^40, 2^52), from at least 8 random bytes."""
    if len(entropy) < CHAIN_ID_BYTES:
        raise BadSettings("A chain id is drawn from at least 8 random bytes.")
    return CHAIN_ID_MIN + int.from_bytes(entropy, "big") % (CHAIN_ID_END - CHAIN_ID_MIN)


def write_genesis(store: BlockStore, *, chain_id: int, funded: Mapping[bytes, Wei], timestamp: int) -> None:
    """Block 0, in one transaction: `funded` addresses hold their wei, nobody else holds anything."""
    if not 0 < chain_id < CHAIN_ID_END:
        raise BadSettings("The embedded chain's id must lie between 1 and 2^52 − 1.")
    parameters = {
        "difficulty": 0,
        "gas_limit": BLOCK_GAS,
        "timestamp": timestamp,
        "extra_data": chain_id.to_bytes(CHAIN_ID_BYTES, "big"),
    }
    state = {address: {"balance": wei, "nonce": 0, "code": b"", "storage": {}} for address, wei in funded.items()}
    with store.block():
        _chain_class(chain_id).from_genesis(store, parameters, state)


def has_genesis(store: BlockStore) -> bool:
    return _genesis(ChainDB(store)) is not None


def open_chain(store: BlockStore) -> PragueChain:
    """The chain that lies in the store, at its head. Raises NotInitialised when there is no genesis."""
    genesis = _genesis(ChainDB(store))
    if genesis is None:
        raise NotInitialised("There is no embedded chain here yet: run `mereau init`.")
    return _chain_class(int.from_bytes(genesis.extra_data, "big"))(store)


@cache
def _chain_class(chain_id: int) -> type[PragueChain]:
    return PragueChain.configure(__name__="EmbeddedPragueChain", chain_id=chain_id)  # type: ignore[no-any-return]


def _genesis(database: ChainDatabaseAPI) -> BlockHeaderAPI | None:
    try:
        database.get_canonical_head()
    except CanonicalHeadNotFound:
        return None
    return database.get_canonical_block_header_by_number(GENESIS_BLOCK_NUMBER)
