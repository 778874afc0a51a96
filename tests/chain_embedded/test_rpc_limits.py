"""What `POST /rpc` refuses, on both sides of each limit, and how it says so."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from embedded_programme import OPERATOR, Programme, member, signed

from token_service.chain.embedded import EmbeddedChain, EmbeddedReader
from token_service.chain.rpc_facade import PUBLIC, Limits, answer
from token_service.chain.rpc_facade.methods import METHODS
from token_service.protocol import calldata
from token_service.protocol.events import Transfer, topic
from token_service.protocol.transactions import contract_address

ROOT = Path(__file__).parents[2]
WORD = "0x" + "00" * 32


def ask(reader: Any, method: str, *params: Any, limits: Limits = PUBLIC) -> Any:
    """The result, or the error object."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    status, text = answer(body.encode(), reader, limits)
    assert status == 200
    found = json.loads(text)
    return found["result"] if "result" in found else found["error"]


def raw(reader: Any, body: bytes, limits: Limits = PUBLIC) -> tuple[int, Any]:
    status, text = answer(body, reader, limits)
    return status, json.loads(text) if text else None


# --- Envelope ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"id": NaN}', b'"' + b"1" * 10, b"1" * 6000],
)
def test_what_is_not_json_is_refused(reader: EmbeddedReader, body: bytes) -> None:
    status, found = raw(reader, body)
    assert (status, found["error"]["code"]) == (400, -32700)


@pytest.mark.parametrize(
    "first",
    [
        "token_service.chain.embedded",
        "token_service.chain.rpc_facade.methods",
        "token_service.chain.rpc_facade.parameters",
        "token_service.chain.embedded_node",
        "token_service.chain.embedded.size",
        "eth_tester",
        "token_service.app.web",
    ],
)
def test_deep_json_is_survived_whatever_is_imported_first(first: str) -> None:
    """py-evm and py_ecc raise the recursion limit so far that `json.loads` overflows the C stack."""
    code = f"""
import {first}, json, sys, token_service.chain.embedded_node
assert sys.getrecursionlimit() == 1000
try:
    json.loads("[" * 200_000)
except RecursionError:
    print("survived")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.stdout == b"survived\n", done.stderr


@pytest.mark.parametrize(
    "body",
    [
        b"1",
        b'"eth_chainId"',
        b"null",
        b"{}",
        b'{"id":1}',
        b'{"id":1,"method":1}',
        b'{"id":{},"method":"eth_chainId"}',
        b'{"id":true,"method":"eth_chainId"}',
        b'{"id":1,"method":"eth_chainId","params":{"a":1}}',
        b'{"id":1,"method":"' + b"x" * 101 + b'"}',
        b'{"id":"' + b"x" * 201 + b'","method":"eth_chainId"}',
        b"[]",
    ],
)
def test_what_is_no_request_is_refused_without_repeating_it(reader: EmbeddedReader, body: bytes) -> None:
    status, found = raw(reader, body)
    assert (status, found["error"]["code"], found["id"]) == (200, -32600, None)
    assert "xxx" not in json.dumps(found)


def test_a_body_may_have_256_kib(reader: EmbeddedReader) -> None:
    call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}).encode()
    assert raw(reader, call.ljust(PUBLIC.body_bytes_max))[0] == 200
    status, found = raw(reader, call.ljust(PUBLIC.body_bytes_max + 1))
    assert (status, found["error"]["code"]) == (413, -32005)


def test_a_batch_may_have_50_calls(reader: EmbeddedReader) -> None:
    call = {"jsonrpc": "2.0", "id": 7, "method": "eth_chainId"}
    status, found = raw(reader, json.dumps([call] * 50).encode())
    assert (status, len(found), {item["id"] for item in found}) == (200, 50, {7})
    status, found = raw(reader, json.dumps([call] * 51).encode())
    assert found["error"]["code"] == -32600


def test_each_call_of_a_batch_answers_for_itself(reader: EmbeddedReader) -> None:
    calls = [
        {"id": "a", "method": "eth_chainId"},
        {"id": "b", "method": "eth_nothing"},
        5,
        {"method": "eth_chainId"},
        {"id": "c", "method": "eth_blockNumber"},
    ]
    _, found = raw(reader, json.dumps(calls).encode())
    assert [item["id"] for item in found] == ["a", "b", None, "c"]
    assert [("result" in item) for item in found] == [True, False, False, True]


def test_notifications_get_no_answer(reader: EmbeddedReader) -> None:
    assert answer(b'{"method":"eth_chainId"}', reader) == (204, b"")
    assert answer(b'[{"method":"eth_chainId"}]', reader) == (204, b"")


def test_a_chain_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    status, found = raw(EmbeddedReader(tmp_path / "chain.db"), b'{"id":1,"method":"eth_chainId"}')
    assert (status, found["error"]["code"]) == (200, -32000)
    assert "mereau init" in found["error"]["message"]


# --- Methods -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method",
    [
        "eth_sendRawTransaction",
        "eth_sendTransaction",
        "eth_sign",
        "evm_mine",
        "eth_newFilter",
        "debug_traceCall",
        "personal_unlockAccount",
        "admin_peers",
        "eth_subscribe",
        "__class__",
        "anvil_setBalance",
    ],
)
def test_only_reading_is_served(reader: EmbeddedReader, method: str) -> None:
    assert method not in METHODS
    assert ask(reader, method, "0x00")["code"] == -32601


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_getBalance", []),
        ("eth_getBalance", [1]),
        ("eth_getBalance", ["0x12"]),
        ("eth_getBalance", ["0x" + "zz" * 20]),
        ("eth_getBalance", [WORD]),
        ("eth_getBalance", ["0x" + "11" * 20, "newest"]),
        ("eth_getBalance", ["0x" + "11" * 20, "0x" + "f" * 65]),
        ("eth_getBalance", ["0x" + "11" * 20, []]),
        ("eth_getStorageAt", ["0x" + "11" * 20]),
        ("eth_getBlockByNumber", []),
        ("eth_getBlockByNumber", ["1"]),
        ("eth_getBlockByHash", ["0x12"]),
        ("eth_getTransactionByHash", [None]),
        ("eth_getTransactionReceipt", ["0x" + "11" * 31]),
        ("eth_getTransactionByBlockNumberAndIndex", ["latest"]),
        ("eth_call", []),
        ("eth_call", ["0x"]),
        ("eth_call", [{"to": "0x12"}]),
        ("eth_call", [{"to": "0x" + "11" * 20, "data": "0x1"}]),
        ("eth_call", [{"to": "0x" + "11" * 20, "gas": -1}]),
        ("eth_call", [{"data": "0x6001"}]),
        ("eth_call", [{"to": "0x" + "11" * 20}, "latest", {"0x" + "11" * 20: {"code": "0x00"}}]),
        ("eth_call", [{"to": "0x" + "00" * 19 + "08"}]),
        ("eth_estimateGas", [{"data": "0x6001"}]),
        ("eth_feeHistory", ["0x1", "latest", [101]]),
        ("eth_feeHistory", ["0x1", "latest", [1] * 21]),
        ("eth_feeHistory", [True, "latest"]),
        ("eth_getLogs", []),
        ("eth_getLogs", [[]]),
        ("eth_getLogs", [{"fromBlock": "0x5", "toBlock": "0x1"}]),
        ("eth_getLogs", [{"blockHash": WORD[:10]}]),
        ("eth_getLogs", [{"topics": "0x"}]),
        ("eth_getLogs", [{"topics": [None] * 5}]),
        ("eth_getLogs", [{"address": {"a": 1}}]),
    ],
)
def test_malformed_parameters_are_named_and_not_repeated(
    reader: EmbeddedReader, method: str, params: list[Any]
) -> None:
    error = ask(reader, method, *params)
    assert error["code"] == -32602
    assert error["message"].startswith("invalid params: ")


def test_tags_mean_the_head(reader: EmbeddedReader) -> None:
    heads = {
        json.dumps(ask(reader, "eth_getBlockByNumber", tag, False))
        for tag in ("latest", "safe", "finalized", "pending")
    }
    assert len(heads) == 1


# --- Gas -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def burner(settled: Programme) -> str:
    """A contract that loops until its gas is gone."""
    settled.nonce += 1
    mined = settled.mine(signed(settled.nonce - 1, to=None, data=bytes.fromhex("600480600b6000396000f35b600056")))
    assert len(mined.receipts) == 1
    return contract_address(OPERATOR.address, settled.nonce - 1)


def test_a_call_may_ask_for_10_million_gas(reader: EmbeddedReader, settled: Programme) -> None:
    call = {"to": settled.contract, "data": "0x" + calldata.encode_call("totalSupply").hex()}
    assert int(ask(reader, "eth_call", {**call, "gas": hex(10_000_000)}, "latest"), 16) == 327
    error = ask(reader, "eth_call", {**call, "gas": hex(10_000_001)}, "latest")
    assert (error["code"], "10,000,000 gas" in error["message"]) == (-32005, True)


def test_a_call_without_a_gas_limit_gets_the_most(reader: EmbeddedReader, burner: str) -> None:
    assert (
        ask(reader, "eth_call", {"to": burner}, "latest", limits=replace(PUBLIC, call_gas_max=100_000))["code"]
        == -32000
    )


def test_the_calls_of_a_batch_share_their_gas(reader: EmbeddedReader, burner: str) -> None:
    limits = replace(PUBLIC, call_gas_max=100_000, request_gas_max=150_000)
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [{"to": burner}, "latest"]}
    _, found = raw(reader, json.dumps([call] * 4).encode(), limits)
    assert [item["error"]["code"] for item in found] == [-32000, -32000, -32005, -32005]


def test_a_call_from_an_unfunded_address_works(reader: EmbeddedReader, settled: Programme) -> None:
    call = {
        "from": member(77),
        "to": settled.contract,
        "input": "0x" + calldata.encode_call("balanceOf", member(1)).hex(),
        "gasPrice": "0x174876e800",
    }
    assert int(ask(reader, "eth_call", call), 16) == 120


def test_calling_an_account_without_code_gives_nothing(reader: EmbeddedReader) -> None:
    assert ask(reader, "eth_call", {"to": member(5), "data": "0x1234"}) == "0x"


def test_a_revert_carries_its_data(reader: EmbeddedReader, settled: Programme) -> None:
    data = "0x" + calldata.encode_call("transfer", member(1), 1).hex()
    error = ask(reader, "eth_call", {"to": settled.contract, "data": data})
    assert (error["code"], error["message"]) == (3, "execution reverted")
    assert len(error["data"]) >= 10


# --- Logs ----------------------------------------------------------------------------------------------------------


def test_a_request_may_read_so_many_logs_and_hears_what_fits(reader: EmbeddedReader, settled: Programme) -> None:
    wanted = {"fromBlock": "0x0", "address": settled.contract}
    every = ask(reader, "eth_getLogs", wanted)
    assert ask(reader, "eth_getLogs", wanted, limits=replace(PUBLIC, logs_max=len(every))) == every
    error = ask(reader, "eth_getLogs", wanted, limits=replace(PUBLIC, logs_max=len(every) - 1))
    assert (error["code"], f"more than {len(every) - 1} logs: blocks 0x0 to" in error["message"]) == (-32005, True)
    fits = error["message"].split(" to ")[1].split(" ")[0]
    assert ask(reader, "eth_getLogs", {**wanted, "toBlock": fits}, limits=replace(PUBLIC, logs_max=len(every) - 1))


def test_the_limit_of_logs_is_10_000() -> None:
    assert (PUBLIC.logs_max, PUBLIC.call_gas_max, PUBLIC.batch_max) == (10_000, 10_000_000, 50)


def test_the_calls_of_a_batch_share_their_logs(reader: EmbeddedReader, settled: Programme) -> None:
    call = {"id": 1, "method": "eth_getLogs", "params": [{"fromBlock": "0x0", "address": settled.contract}]}
    every = len(ask(reader, "eth_getLogs", call["params"][0]))
    _, found = raw(reader, json.dumps([call] * 2).encode(), replace(PUBLIC, logs_max=2 * every - 1))
    assert [("result" in item) for item in found] == [True, False]


def test_a_filter_may_name_100_alternatives(reader: EmbeddedReader) -> None:
    assert ask(reader, "eth_getLogs", {"address": [member(1)] * 100}) == []
    assert ask(reader, "eth_getLogs", {"address": [member(1)] * 101})["code"] == -32005
    assert ask(reader, "eth_getLogs", {"topics": [[WORD] * 101]})["code"] == -32005


def test_filters_select_by_position_and_alternative(reader: EmbeddedReader, settled: Programme) -> None:
    every = ask(reader, "eth_getLogs", {"fromBlock": "earliest", "toBlock": "latest"})
    transfer = topic(Transfer)
    topics = ["0x" + member(n)[2:].rjust(64, "0") for n in (1, 4)]

    def count(*wanted: Any) -> int:
        return len(ask(reader, "eth_getLogs", {"fromBlock": "0x0", "topics": list(wanted)}))

    assert count(transfer) == 5
    assert count(transfer, None, topics[0]) == 2
    assert count(transfer, None, topics) == 3
    assert count([transfer, WORD], WORD, [None, topics[0]]) == 5
    assert count(None, None, None, None) == sum(len(log["topics"]) == 4 for log in every)
    assert count() == len(every)
    assert count(topics[0]) == 0


def test_logs_of_one_block_by_its_hash(reader: EmbeddedReader, settled: Programme) -> None:
    every = ask(reader, "eth_getLogs", {"fromBlock": "0x0"})
    last = every[-1]["blockHash"]
    assert ask(reader, "eth_getLogs", {"blockHash": last}) == [log for log in every if log["blockHash"] == last]
    assert ask(reader, "eth_getLogs", {"blockHash": last, "toBlock": "0x1"})["code"] == -32602
    assert ask(reader, "eth_getLogs", {"blockHash": WORD})["message"] == "header not found"


def test_an_answer_may_have_so_many_bytes(reader: EmbeddedReader) -> None:
    whole = len(answer(b'{"id":1,"method":"eth_getLogs","params":[{"fromBlock":"0x0"}]}', reader)[1])
    assert isinstance(
        ask(reader, "eth_getLogs", {"fromBlock": "0x0"}, limits=replace(PUBLIC, answer_bytes_max=whole + 20)), list
    )
    assert (
        ask(reader, "eth_getLogs", {"fromBlock": "0x0"}, limits=replace(PUBLIC, answer_bytes_max=whole - 20))["code"]
        == -32005
    )


def test_a_search_that_reads_too_much_is_stopped(reader: EmbeddedReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_service.chain.embedded.view.SQL_STEPS_PER_CHECK", 10)
    monkeypatch.setattr("token_service.chain.embedded.view.SQL_STEPS_MAX", 20)
    error = ask(reader, "eth_getLogs", {"fromBlock": "0x0"})
    assert (error["code"], "Narrow the range" in error["message"]) == (-32005, True)


def test_the_owner_answers_as_its_readers_do(settled: Programme, reader: EmbeddedReader) -> None:
    chain: EmbeddedChain = settled.chain
    body = b'{"id":1,"method":"eth_getBlockByNumber","params":["latest",true]}'
    assert answer(body, chain) == answer(body, reader)


def test_every_method_and_limit_is_documented() -> None:
    page = (ROOT / "docs/rpc.md").read_text()
    assert set(re.findall(r"`((?:eth|net|web3)_\w+)`", page)) == set(METHODS)
    for figure in (PUBLIC.call_gas_max, PUBLIC.request_gas_max, PUBLIC.logs_max):
        assert f"{figure:,}" in page
    assert f"{PUBLIC.body_bytes_max // 1024} KiB" in page
    assert f"{PUBLIC.answer_bytes_max // 2**20} MiB" in page
    for count in (PUBLIC.batch_max, PUBLIC.alternatives_max, PUBLIC.fee_history_blocks_max):
        assert f"| {count} |" in page
