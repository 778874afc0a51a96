"""What must be true before settlement starts: this chain, this contract, and a chain not older than the ledger."""

from __future__ import annotations

from sqlalchemy import select

from token_service.chain import contract_reads, reads
from token_service.chain.endpoints import Identity
from token_service.chain.published_contract import Deployment, check_contract
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.cursors import read_cursor
from token_service.chain.settlement.lanes import Lane
from token_service.errors import ChainOlderThanLedger, NotInitialised, WrongChain
from token_service.ledger.store import Store
from token_service.ledger.tables import program


def recorded_identity(store: Store) -> Identity:
    """The chain that this ledger belongs to. Raises NotInitialised."""
    with store.read() as connection:
        row = connection.execute(select(program.c.chain_id, program.c.genesis_hash)).first()
    if row is None:
        raise NotInitialised("there is no programme here yet: run `mereau init`")
    return Identity(row.chain_id, row.genesis_hash)


def check_chain(services: ChainServices) -> ChainServices:
    """The services with the contract's recorded address, after every check.

    Raises NotInitialised, WrongChain, WrongContract, ChainOlderThanLedger, NodeUnreachable. A contract that has settled more
    than the ledger knows (a ledger restored from an old backup) halts the lane: `mereau doctor` shows it.
    """
    with services.store.read() as connection:
        row = connection.execute(select(program)).first()
        if row is None or row.contract_address is None:
            raise NotInitialised("the contract is not deployed yet: run `mereau init` or `mereau deploy`")
        indexed, final = read_cursor(connection, "indexed"), read_cursor(connection, "final")
    _check_identity(services, row.chain_id, row.genesis_hash)
    head = reads.head(services.node)
    seen = indexed.number if services.embedded else final.number
    if head.number < seen:
        raise ChainOlderThanLedger(
            f"the ledger has seen block {seen}, the chain ends at {head.number}: restore the newer chain", seen=seen
        )
    ready = services.at_contract(row.contract_address)
    deployment = Deployment(row.contract_address, row.chain_id, row.deployed_at_block, row.genesis_hash, created=False)
    check_contract(services.node, deployment)
    with services.store.read() as connection:
        known = lane_rows.read_lanes(connection) or [lane_rows.read_lane(connection)]
    for lane in known:
        _check_lane(ready, lane)
    return ready


def _check_identity(services: ChainServices, chain_id: int, genesis_hash: str) -> None:
    if reads.chain_id(services.node) != chain_id or services.chain_id != chain_id:
        raise WrongChain(f"the ledger was made for chain {chain_id}, and the node serves another")
    genesis = reads.block_by_number(services.node, 0)
    if genesis is not None and genesis.hash != genesis_hash:
        raise WrongChain("the node's chain has the right number but another beginning")


def _check_lane(services: ChainServices, lane: Lane) -> None:
    on_chain = contract_reads.last_seq(services.node, str(services.contract), lane.operator)
    if on_chain >= lane.next_seq:
        known = lane.next_seq - 1
        reason = f"the contract has settled {on_chain} batches, the ledger knows {known}: {lane_rows.RESTORE_LEDGER}"
        code = lane_rows.Code.CHAIN_AHEAD
        services.store.transact(lambda connection: lane_rows.halt(connection, lane.number, code, reason))
