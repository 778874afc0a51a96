"""One batch, found on the chain by operator and sequence, or by the account of one of its entries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from token_service.audit.batches import Batch
from token_service.audit.report import PinnedBlock
from token_service.audit.rpc import Rpc
from token_service.audit.stream import read_senders, read_timestamps
from token_service.errors import InvalidInput, NodeUnreachable
from token_service.protocol import abi, events
from token_service.protocol.hashing import ZERO_ADDRESS, to_hex
from token_service.protocol.words import unpack
from token_service.units import CREDIT_KINDS


@dataclass(frozen=True, slots=True)
class Chain:
    """A contract on a node, read up to one block."""

    rpc: Rpc
    chain_id: int
    contract: str
    first_block: int
    block: PinnedBlock


def find_batches(chain: Chain, operator: str, seq: int) -> list[Batch]:
    """All batches of this operator and sequence: an honest chain has one at most."""
    topics = [events.topic(events.BatchSettled), _topic("address", operator), _topic("uint64", seq)]
    return list(_batches(chain, topics))


def batches_of_account(chain: Chain, account: str, kind: int) -> Iterator[Batch]:
    """Every batch that holds an applied entry of this account and this direction."""
    ends = [ZERO_ADDRESS, account] if kind in CREDIT_KINDS else [account, ZERO_ADDRESS]
    topics = [events.topic(events.Transfer), *(_topic("address", end) for end in ends)]
    hashes: dict[str, None] = {}
    for found in chain.rpc.logs(chain.contract, chain.first_block, chain.block.number, topics):
        hashes |= {log["transactionHash"]: None for log in found.logs}
    for hash_ in hashes:
        receipt = chain.rpc.request("eth_getTransactionReceipt", hash_)
        if not isinstance(receipt, dict):
            raise NodeUnreachable(f"the node does not have the receipt of {hash_} that it told of")
        for event in _decoded(receipt.get("logs", []), chain.contract):
            if isinstance(event, events.BatchSettled):
                yield _batch(chain, event)


def all_batches(chain: Chain) -> Iterator[Batch]:
    """Every batch of the contract, in order."""
    return _batches(chain, [events.topic(events.BatchSettled)])


def _batches(chain: Chain, topics: list[str]) -> Iterator[Batch]:
    for found in chain.rpc.logs(chain.contract, chain.first_block, chain.block.number, list(topics)):
        for event in _decoded(found.logs, chain.contract):
            if isinstance(event, events.BatchSettled):
                yield _batch(chain, event)


def _batch(chain: Chain, event: events.BatchSettled) -> Batch:
    """The batch of an event, with its words and skips."""
    number, hash_ = event.position.block_number, event.position.transaction_hash
    sender = read_senders(chain.rpc, [hash_])[hash_]
    batch = Batch(
        operator=event.operator,
        seq=event.seq,
        ruleset_hash=event.ruleset_hash,
        receipts_root=event.receipts_root,
        block_number=number,
        timestamp=read_timestamps(chain.rpc, [number])[number],
        transaction=hash_,
    )
    if sender.call is not None and sender.to_address == chain.contract:
        batch.words = tuple(unpack(word) for word in sender.call.words)
    topics = [events.topic(events.EntrySkipped), _topic("address", event.operator), _topic("uint64", event.seq)]
    for found in chain.rpc.logs(chain.contract, number, number, list(topics)):
        for skip in _decoded(found.logs, chain.contract):
            if isinstance(skip, events.EntrySkipped):
                batch.skipped[skip.index] = skip.reason
    return batch


def _decoded(logs: list[dict[str, object]], contract: str) -> Iterator[events.Event]:
    for log in logs:
        if str(log.get("address")).lower() != contract.lower():
            continue
        try:
            event = events.decode_log(log)
        except InvalidInput:
            continue
        if event is not None:
            yield event


def _topic(kind: str, value: abi.Value) -> str:
    return to_hex(abi.encode([kind], [value]))
