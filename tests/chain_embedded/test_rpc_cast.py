"""The embedded chain through Foundry's `cast`, as an outsider reads it (DESIGN §5)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from embedded_programme import CHAIN_ID, OPERATOR, OPERATOR_BYTES, PARTY, POOR, RULESET, Programme, member

CAST = Path(__file__).parents[2] / "node_modules/@foundry-rs/cast-linux-amd64/bin/cast"


class Cast:
    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(CAST), *arguments, "--rpc-url", self.url],
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "NO_PROXY": "*"},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        if done.returncode:
            raise AssertionError(done.stderr)
        return done.stdout.strip()

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))


@pytest.fixture(scope="module")
def cast(rpc_url: str) -> Cast:
    return Cast(rpc_url)


def last_hash(settled: Programme) -> str:
    with settled.chain.view() as view:
        return "0x" + view.block(view.head()).transactions[0].hash.hex()


def test_chain_id_and_client(cast: Cast) -> None:
    assert cast("chain-id") == str(CHAIN_ID)
    assert cast("client").startswith("mereau/")


def test_block_number_and_age(cast: Cast, settled: Programme) -> None:
    with settled.chain.view() as view:
        assert cast("block-number") == str(view.head().block_number)
    assert "2026" in cast("age")


@pytest.mark.parametrize("tag", ["latest", "finalized", "safe", "earliest", "3"])
def test_block(cast: Cast, settled: Programme, tag: str) -> None:
    block = cast.json("block", tag)
    with settled.chain.view() as view:
        number = {"earliest": 0, "3": 3}.get(tag, view.head().block_number)
        assert block["hash"] == "0x" + view.block_hash(number).hex()
    assert int(block["number"], 16) == number


def test_block_with_its_transactions(cast: Cast) -> None:
    block = cast.json("block", "latest", "--full")
    assert block["transactions"][0]["from"].lower() == OPERATOR.address.lower()


def test_call(cast: Cast, settled: Programme) -> None:
    assert cast("call", settled.contract, "balanceOf(address)(uint256)", member(1)) == "120"
    assert cast("call", settled.contract, "totalSupply()(uint256)") == "327"
    assert cast("call", settled.contract, "symbol()(string)") == '"HALLES"'


def test_call_at_an_older_block(cast: Cast, settled: Programme) -> None:
    with settled.chain.view() as view:
        before = str(view.head().block_number - 1)
    assert cast("call", settled.contract, "balanceOf(address)(uint256)", member(1), "--block", before) == "100"


def test_a_call_that_reverts_says_why(cast: Cast, settled: Programme) -> None:
    with pytest.raises(AssertionError, match="execution reverted"):
        cast("call", settled.contract, "transfer(address,uint256)", member(1), "1")


def test_logs(cast: Cast, settled: Programme) -> None:
    logs = cast.json("logs", "--from-block", "0", "--address", settled.contract, "Transfer(address,address,uint256)")
    assert len(logs) == 5
    assert sum(int(log["data"], 16) for log in logs) == 327
    topic = "0x" + member(1)[2:].lower().rjust(64, "0")
    to_first = [log for log in logs if log["topics"][2] == topic]
    assert len(to_first) == 2


def test_receipt_and_transaction(cast: Cast, settled: Programme) -> None:
    transaction_hash = last_hash(settled)
    receipt = cast.json("receipt", transaction_hash)
    assert (receipt["status"], len(receipt["logs"])) == ("0x1", 2)
    assert receipt["logs"][-1]["topics"][3] == RULESET
    transaction = cast.json("tx", transaction_hash)
    assert transaction["to"].lower() == settled.contract.lower()
    assert transaction["input"].startswith("0x")


def test_balance_code_nonce_storage_gas_price(cast: Cast, settled: Programme) -> None:
    with settled.chain.view() as view:
        state = view.state(view.head())
        assert cast("balance", OPERATOR.address) == str(state.get_balance(OPERATOR_BYTES))
        assert cast("nonce", OPERATOR.address) == str(settled.nonce)
        assert cast("code", settled.contract) == "0x" + state.get_code(bytes.fromhex(settled.contract[2:])).hex()
    assert cast("balance", POOR.address) == "0"
    assert len(cast("storage", settled.contract, "2")) == 66
    assert int(cast("gas-price")) > 0


def test_estimate(cast: Cast, settled: Programme) -> None:
    gas = cast(
        "estimate",
        settled.contract,
        "setCeiling(uint24,uint64,uint40)",
        str(PARTY),
        "5",
        "0",
        "--from",
        OPERATOR.address,
    )
    assert 25_000 < int(gas) < 120_000


def test_sending_is_refused(cast: Cast) -> None:
    with pytest.raises(AssertionError, match="not served here"):
        cast("publish", "0x02f86c")
