"""Nodes that refuse wide ranges, fail for a while, know no batches, or answer nonsense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from token_service.audit import checkpoints
from token_service.audit.checkpoints import VERSION
from token_service.audit.rpc import Rpc
from token_service.audit.run import Options, run_audit
from token_service.errors import InvalidInput, NodeUnreachable, RpcError
from token_service.protocol.words import EntryWord

from .lying_node import Refusal, lying_node
from .programme import ALICE, Programme


def run(programme: Programme, url: str, **more: Any) -> int:
    return run_audit(Options(url, programme.contract, block=more.get("block", "latest"))).exit_code


def test_ranges_are_halved_until_the_node_takes_them(settled: Programme) -> None:
    settled.rpc("anvil_mine", hex(100))
    widths: list[int] = []

    def bend(method: str, params: list[Any], answer: Any) -> Any:
        if method == "eth_getLogs":
            width = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
            if width > 7:
                return {"jsonrpc": "2.0", "id": answer["id"], "error": {"code": -32005, "message": "too many"}}
            widths.append(width)
        return answer

    with lying_node(settled.url, bend) as url:
        assert run(settled, url) == 0
    assert sum(widths) >= 100


def test_a_node_that_refuses_a_single_block_stops_the_audit(settled: Programme) -> None:
    def bend(method: str, _: list[Any], answer: Any) -> Any:
        if method == "eth_getLogs":
            return {"jsonrpc": "2.0", "id": answer["id"], "error": {"code": -32005, "message": "too many"}}
        return answer

    with lying_node(settled.url, bend) as url, pytest.raises(RpcError):
        run(settled, url)


@pytest.mark.parametrize("refusal", [Refusal(503), Refusal(429), Refusal(200, b"<html>"), Refusal(200, b"[" * 100_000)])
def test_a_node_that_fails_now_and_then_is_asked_again(settled: Programme, refusal: Refusal) -> None:
    asked = 0

    def bend(_: str, __: list[Any], answer: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked % 7 == 1:
            raise refusal
        return answer

    with lying_node(settled.url, bend) as url:
        assert run(settled, url) == 0


def test_a_node_without_batches_is_asked_one_by_one(settled: Programme) -> None:
    lonely: list[str] = []

    def bend(method: str, _: list[Any], answer: Any) -> Any:
        lonely.append(method)
        return answer

    def no_batches(method: str, params: list[Any], answer: Any) -> Any:
        if answer["id"] == 0:  # the first call of a batch: single calls count from 1
            raise Refusal(200, json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": -32600}}).encode())
        return bend(method, params, answer)

    with lying_node(settled.url, no_batches) as url:
        assert run(settled, url) == 0
    assert lonely.count("eth_getTransactionByHash") == 3


@pytest.mark.parametrize(
    ("method", "result"),
    [
        ("eth_getLogs", {}), ("eth_getLogs", [5]), ("eth_getLogs", [{"blockNumber": "0x1"}]),
        ("eth_getBlockByNumber", None), ("eth_getBlockByNumber", {"number": "0x1"}),
        ("eth_chainId", None), ("eth_chainId", "seven"), ("eth_getCode", None), ("eth_getCode", "0x1"),
        ("eth_getTransactionByHash", None), ("eth_getTransactionByHash", {"from": "0x12", "input": "0x"}),
    ],
)  # fmt: skip
def test_nonsense_stops_the_audit_with_a_sentence(settled: Programme, method: str, result: Any) -> None:
    def bend(asked: str, _: list[Any], answer: Any) -> Any:
        return {**answer, "result": result} if asked == method else answer

    with lying_node(settled.url, bend) as url, pytest.raises(NodeUnreachable):
        run(settled, url)


def test_a_node_that_is_not_there_is_named() -> None:
    with pytest.raises(NodeUnreachable):
        Rpc("http://127.0.0.1:9", first_wait_seconds=0.001).request("eth_chainId")


def test_answers_without_result_are_nonsense(settled: Programme) -> None:
    with lying_node(settled.url, lambda *_: {"jsonrpc": "2.0", "id": 1}) as url, pytest.raises(NodeUnreachable):
        Rpc(url, first_wait_seconds=0.001).request("eth_chainId")


def test_a_node_without_finalized_blocks_is_read_at_its_latest(settled: Programme) -> None:
    def bend(method: str, params: list[Any], answer: Any) -> Any:
        if method == "eth_getBlockByNumber" and params[0] == "finalized":
            return {"jsonrpc": "2.0", "id": answer["id"], "error": {"code": -32602, "message": "unknown block tag"}}
        return answer

    with lying_node(settled.url, bend) as url:
        report = run_audit(Options(url, settled.contract))
    assert report.exit_code == 0
    assert report.block.tag == "latest (the node knows no finalized block)"


@pytest.mark.parametrize("block", ["soon", "-1", "0x10", ""])
def test_it_refuses_a_block_that_is_none(settled: Programme, block: str) -> None:
    with pytest.raises(InvalidInput):
        run(settled, settled.url, block=block)


def test_a_block_that_was_replaced_meanwhile_is_noticed(settled: Programme) -> None:
    asked = 0

    def bend(method: str, _: list[Any], answer: Any) -> Any:
        nonlocal asked
        if method == "eth_getBlockByNumber":
            asked += 1
            if asked > 1 and answer["result"] and "hash" in answer["result"]:
                return {**answer, "result": {**answer["result"], "hash": "0x" + "ee" * 32}}
        return answer

    with lying_node(settled.url, bend) as url, pytest.raises(NodeUnreachable, match="replaced"):
        run(settled, url)


@pytest.mark.parametrize("change", [{"transactions": [5]}, {"transactions": [{"from": "0x1", "nonce": "0x0"}]}])
def test_a_deployment_block_that_is_malformed_leaves_the_code_in_doubt(settled: Programme, change: Any) -> None:
    def bend(method: str, params: list[Any], answer: Any) -> Any:
        is_full = method == "eth_getBlockByNumber" and params[1]
        return {**answer, "result": {**answer["result"], **change}} if is_full else answer

    with lying_node(settled.url, bend) as url:
        assert run(settled, url) == 2


def test_a_view_that_answers_nonsense_leaves_its_check_in_doubt(settled: Programme) -> None:
    def bend(method: str, _: list[Any], answer: Any) -> Any:
        return {**answer, "result": "0x12"} if method == "eth_call" else answer

    with lying_node(settled.url, bend) as url:
        assert run(settled, url) == 2


def test_a_nodes_words_cannot_steer_the_terminal(settled: Programme) -> None:
    def bend(method: str, _: list[Any], answer: Any) -> Any:
        if method == "eth_call":
            return {"jsonrpc": "2.0", "id": answer["id"], "error": {"code": 3, "message": "no\x1b[2J" + "x" * 900}}
        return answer

    with lying_node(settled.url, bend) as url:
        report = run_audit(Options(url, settled.contract, block="latest"))
    reasons = [reason for check in report.checks for reason in check.reasons]
    assert reasons
    assert all(reason.isprintable() and len(reason) < 300 for reason in reasons)


def test_a_stopped_audit_goes_on_where_it_was(settled: Programme, tmp_path: Path) -> None:
    for _ in range(40):
        settled.settle(EntryWord(ALICE, 1, 1, 1))
    path, whole = tmp_path / "checkpoint.json", run_audit(Options(settled.url, settled.contract, block="latest"))
    ranges = 0

    def bend(method: str, params: list[Any], answer: Any) -> Any:
        nonlocal ranges
        if method != "eth_getLogs":
            return answer
        ranges += 1
        if ranges > 40:
            raise Refusal(503)
        if params[0]["fromBlock"] != params[0]["toBlock"]:
            return {"jsonrpc": "2.0", "id": answer["id"], "error": {"code": -32005, "message": "too many"}}
        return answer

    with lying_node(settled.url, bend) as url, pytest.raises(NodeUnreachable):
        run_audit(Options(url, settled.contract, block="latest", checkpoint=path))
    kept = checkpoints.read(path)
    assert not kept.is_complete
    assert 0 < kept.state.counts.batches < 43
    rest = run_audit(Options(settled.url, settled.contract, block="latest", since=(path,)))
    assert rest.exit_code == 0
    assert rest.from_block == kept.block.number + 1
    assert (rest.counts, rest.totals) == (whole.counts, whole.totals)


def test_what_is_no_checkpoint_is_refused(settled: Programme, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.json"
    run_audit(Options(settled.url, settled.contract, block="latest", checkpoint=path))
    document = json.loads(path.read_text())
    for text in (
        "",
        "{}",
        "[" * 100_000,
        json.dumps({**document, "v": VERSION + 1}),
        json.dumps({**document, "state": None}),
    ):
        path.write_text(text)
        with pytest.raises(InvalidInput):
            run_audit(Options(settled.url, settled.contract, since=(path,)))
