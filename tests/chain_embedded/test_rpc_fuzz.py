"""Whatever a stranger posts to /rpc, the answer is JSON-RPC: nothing raises, nothing is repeated."""

from __future__ import annotations

import json
from typing import Any

from embedded_programme import OPERATOR, Programme, member
from hypothesis import given, settings
from hypothesis import strategies as st

from token_service.chain.embedded import EmbeddedReader
from token_service.chain.rpc_facade import answer
from token_service.chain.rpc_facade.methods import METHODS

WORDS = ["latest", "earliest", "pending", "0x0", "0x1", "0x", "0x" + "f" * 64, "0x" + "00" * 32, OPERATOR.address]
KEYS = ["to", "from", "data", "input", "gas", "value", "fromBlock", "toBlock", "address", "topics", "blockHash"]
KEYS += ["blockNumber", "requireCanonical"]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(WORDS),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(method=st.sampled_from(sorted(METHODS)), params=st.lists(VALUES, max_size=4))
def test_every_method_answers_any_parameters(
    reader: EmbeddedReader, settled: Programme, method: str, params: list[Any]
) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    status, body = answer(json.dumps(call).encode(), reader)
    assert status == 200
    found = json.loads(body)
    assert found["id"] == 1
    assert ("result" in found) != ("error" in found)


@settings(max_examples=100, deadline=None)
@given(request=VALUES | st.fixed_dictionaries({"id": LEAVES, "method": LEAVES, "params": VALUES}))
def test_any_json_gets_an_answer(reader: EmbeddedReader, request: Any) -> None:
    status, body = answer(json.dumps(request).encode(), reader)
    assert status in {200, 204}
    assert status == 204 or json.loads(body) is not None


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=60))
def test_any_bytes_get_an_answer(reader: EmbeddedReader, body: bytes) -> None:
    assert answer(body, reader)[0] in {200, 204, 400}


@settings(max_examples=60, deadline=None)
@given(
    first=st.integers(0, 8),
    length=st.integers(0, 8),
    address=st.sampled_from([None, "contract", "other"]),
    receiver=st.sampled_from([None, 1, 2, 4, 9]),
)
def test_filtered_logs_are_the_filtered_list_of_all_logs(
    reader: EmbeddedReader, settled: Programme, first: int, length: int, address: str | None, receiver: int | None
) -> None:
    def logs(wanted: dict[str, Any]) -> list[dict[str, Any]]:
        call = {"id": 1, "method": "eth_getLogs", "params": [wanted]}
        found: list[dict[str, Any]] = json.loads(answer(json.dumps(call).encode(), reader)[1])["result"]
        return found

    wanted: dict[str, Any] = {"fromBlock": hex(first), "toBlock": hex(first + length)}
    chosen = {"contract": settled.contract.lower(), "other": member(50)}.get(address or "")
    topic = None if receiver is None else "0x" + member(receiver)[2:].rjust(64, "0")
    if chosen:
        wanted["address"] = chosen
    if topic:
        wanted["topics"] = [None, None, topic]
    assert logs(wanted) == [
        log
        for log in logs({"fromBlock": "0x0"})
        if first <= int(log["blockNumber"], 16) <= first + length
        and (chosen is None or log["address"] == chosen)
        and (topic is None or log["topics"][2:3] == [topic])
    ]
