"""The embedded chain through web3.py's HTTPProvider, as the auditor's and other people's scripts read it."""

from __future__ import annotations

import pytest
from embedded_programme import CHAIN_ID, OPERATOR, PARTY, Programme, member
from web3 import HTTPProvider, Web3
from web3.exceptions import BlockNotFound, ContractCustomError, TransactionNotFound, Web3RPCError

from token_service.protocol.contract_build import contract_build


@pytest.fixture(scope="module")
def web3(rpc_url: str) -> Web3:
    return Web3(HTTPProvider(rpc_url, exception_retry_configuration=None))


def test_chain_blocks_and_history(web3: Web3) -> None:
    assert web3.eth.chain_id == CHAIN_ID
    assert web3.eth.get_block("finalized").number == web3.eth.block_number
    assert web3.eth.get_block(0).parentHash == bytes(32)
    assert web3.eth.syncing is False
    history = web3.eth.fee_history(4, "latest", [10.0, 60.0])
    assert len(history["baseFeePerGas"]) == 5
    assert all(len(row) == 2 for row in history["reward"])


def test_block_hashes_can_be_recomputed(web3: Web3, settled: Programme) -> None:
    with settled.chain.view() as view:
        for number in range(web3.eth.block_number + 1):
            block = web3.eth.get_block(number)
            assert bytes(block.hash) == view.header(number).hash
            assert number == 0 or block.parentHash == web3.eth.get_block(number - 1).hash


def test_contract_calls_and_custom_errors(web3: Web3, settled: Programme) -> None:
    contract = web3.eth.contract(settled.contract, abi=contract_build().abi)
    assert contract.functions.balanceOf(Web3.to_checksum_address(member(1))).call() == 120
    with pytest.raises(ContractCustomError) as reverted:
        contract.functions.transfer(Web3.to_checksum_address(member(1)), 1).call({"from": OPERATOR.address})
    assert str(reverted.value.data).startswith("0x")


def test_an_estimate_is_what_the_transaction_then_needs(web3: Web3, settled: Programme) -> None:
    contract = web3.eth.contract(settled.contract, abi=contract_build().abi)
    estimated = contract.functions.setCeiling(PARTY, 10**6, 0).estimate_gas({"from": OPERATOR.address})
    assert 25_000 < estimated < 120_000


def test_logs_receipts_and_transactions(web3: Web3, settled: Programme) -> None:
    contract = web3.eth.contract(settled.contract, abi=contract_build().abi)
    transfers = contract.events.Transfer().get_logs(from_block=0)
    assert [event.args.value for event in transfers] == [100, 100, 100, 7, 20]
    assert [event.logIndex for event in transfers] == [0, 1, 2, 4, 0]
    to_first = contract.events.Transfer().get_logs(
        from_block=0, argument_filters={"to": Web3.to_checksum_address(member(1))}
    )
    assert [event.args.value for event in to_first] == [100, 20]
    transaction_hash = to_first[-1].transactionHash
    receipt = web3.eth.get_transaction_receipt(transaction_hash)
    assert (receipt.status, len(receipt.logs)) == (1, 2)
    assert web3.eth.get_transaction(transaction_hash).blockHash == receipt.blockHash
    receipts = web3.eth.get_block_receipts(transfers[0].blockNumber)
    assert [r.cumulativeGasUsed for r in receipts] == [
        receipts[0].gasUsed,
        receipts[0].gasUsed + receipts[1].gasUsed,
    ]
    creation = web3.eth.get_block(1, full_transactions=True).transactions[0]
    assert web3.eth.get_transaction_receipt(creation.hash).contractAddress == settled.contract


def test_what_is_not_there(web3: Web3) -> None:
    with pytest.raises(BlockNotFound):
        web3.eth.get_block(10**9)
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction(bytes(32).hex())
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction_receipt(bytes(32).hex())
    with pytest.raises(Web3RPCError, match="header not found"):
        web3.eth.get_balance(OPERATOR.address, 10**9)
