"""Every event is read from raw logs as web3's codec would write it, and every revert as the contract would raise it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from eth_abi import encode as web3_encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import InvalidInput
from token_service.protocol import contract_errors, events, interface
from token_service.protocol.contract_build import contract_build
from token_service.protocol.contract_state import Totals, read_totals
from token_service.protocol.events import LogPosition

from . import strategies

POSITION = LogPosition(16, 3, "0x" + "aa" * 32, "0x" + "bb" * 32)
EVENTS = {event.__name__: event for event in events.EVENT_TYPES}


def make_log(signature: interface.Signature, values: list[Any]) -> dict[str, Any]:
    pairs = list(zip(signature.fields, values, strict=True))
    topics = [web3_encode([f.kind], [strategies.for_web3(f.kind, v)]) for f, v in pairs if f.is_indexed]
    plain = [(f.kind, strategies.for_web3(f.kind, v)) for f, v in pairs if not f.is_indexed]
    data = web3_encode([kind for kind, _ in plain], [value for _, value in plain])
    return {
        "address": "0x" + "11" * 20, "blockNumber": "0x10", "logIndex": "0x3", "blockHash": POSITION.block_hash,
        "transactionHash": POSITION.transaction_hash, "data": "0x" + data.hex(),
        "topics": ["0x" + keccak(text=signature.canonical).hex(), *("0x" + topic.hex() for topic in topics)],
    }  # fmt: skip


def test_every_event_of_the_table_has_its_class() -> None:
    assert set(EVENTS) == set(interface.events())


@pytest.mark.parametrize("signature", interface.events().values(), ids=lambda s: s.name)
@given(data=st.data())
def test_every_event_is_read_as_web3_writes_it(signature: interface.Signature, data: st.DataObject) -> None:
    values = [data.draw(strategies.abi_value(field.kind)) for field in signature.fields]
    event = events.decode_log(make_log(signature, values))
    assert event == EVENTS[signature.name](POSITION, *values)
    arguments = json.loads(json.dumps(events.event_arguments(event)))
    assert events.event_from_arguments(event.name, POSITION, arguments) == event


def test_a_name_that_is_no_utf_8_is_read_all_the_same() -> None:
    """The contract takes any bytes for a string: who may publish must not be able to stop all who read."""
    log = make_log(interface.events()["PartyRegistered"], [7, "Caf#"])
    event = events.decode_log({**log, "data": log["data"].replace(b"Caf#".hex(), b"Caf\xe9".hex())})
    assert event == events.PartyRegistered(POSITION, 7, "Caf\ufffd")


def test_a_log_of_another_event_is_none_of_ours() -> None:
    log = make_log(interface.events()["Transfer"], ["0x" + "00" * 20, "0x" + "01" * 20, 5])
    assert events.decode_log({**log, "topics": ["0x" + "12" * 32]}) is None
    assert events.decode_log({**log, "topics": []}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"topics": ["T"]}, {"data": "0x12"}, {"data": None}, {"blockNumber": None}, {"logIndex": "three"},
        {"topics": ["T", "0x" + "ff" * 32, "0x" + "ff" * 32]}, {"topics": ["T", "0x1", "0x2"]},
    ],
)  # fmt: skip
def test_it_refuses_a_malformed_log(change: dict[str, Any]) -> None:
    log = make_log(interface.events()["Transfer"], ["0x" + "00" * 20, "0x" + "01" * 20, 5])
    change = {name: [log["topics"][0], *value[1:]] if name == "topics" else value for name, value in change.items()}
    with pytest.raises(InvalidInput):
        events.decode_log({**log, **change})


def test_it_refuses_arguments_of_no_event() -> None:
    with pytest.raises(InvalidInput):
        events.event_from_arguments("Minted", POSITION, {})
    with pytest.raises(InvalidInput):
        events.event_from_arguments("Unpaused", POSITION, {"guard": "0x", "more": 1})


@pytest.mark.parametrize("signature", interface.errors_by_selector().values(), ids=lambda s: s.name)
@given(data=st.data())
def test_every_error_is_read_from_a_reverts_data(signature: interface.Signature, data: st.DataObject) -> None:
    values = [data.draw(strategies.abi_value(field.kind)) for field in signature.fields]
    plain = [strategies.for_web3(field.kind, value) for field, value in zip(signature.fields, values, strict=True)]
    raw = keccak(text=signature.canonical)[:4] + web3_encode(signature.kinds, plain)
    failure = contract_errors.decode_error("0x" + raw.hex())
    assert failure is not None
    assert (failure.name, list(failure.arguments.values())) == (signature.name, values)
    assert str(failure).startswith(signature.name + "(")


@pytest.mark.parametrize("data", ["", "0x", "0x12345678", b"", "not hex", "0x08c379a0" + "ff" * 32])
def test_other_revert_data_are_no_error_of_ours(data: bytes | str) -> None:
    assert contract_errors.decode_error(data) is None


def test_the_table_is_that_of_the_compiled_contract() -> None:
    compiled: dict[str, set[str]] = {"function": set(), "event": set(), "error": set()}
    for item in contract_build().abi:
        if item["type"] in compiled:
            compiled[item["type"]].add(f"{item['name']}({','.join(map(_kind, item['inputs']))})")
    ours = {
        "function": {s.canonical for s in interface.functions().values()},
        "event": {s.canonical for s in interface.events().values()},
        "error": {s.canonical for s in interface.errors_by_selector().values()} - {"Error(string)", "Panic(uint256)"},
    }
    for kind, signatures in ours.items():
        assert signatures <= compiled[kind], signatures - compiled[kind]
    unread = {"DefaultAdminTransferScheduled", "DefaultAdminTransferCanceled", "DefaultAdminDelayChangeScheduled"}
    unread |= {"DefaultAdminDelayChangeCanceled", "RoleAdminChanged", "EIP712DomainChanged"}
    assert {name.split("(")[0] for name in compiled["event"] - ours["event"]} == unread


def test_names_and_results_are_those_of_the_compiled_contract() -> None:
    functions = {item["name"]: item for item in contract_build().abi if item["type"] == "function"}
    for signature in interface.functions().values():
        results = _flat(functions[signature.name]["outputs"])
        assert [field.kind for field in signature.results] == [item["type"] for item in results], signature.name
        if len(results) > 1:
            assert [field.name for field in signature.results] == [item["name"] for item in results]


def test_totals_add_up_to_the_supply() -> None:
    totals = read_totals(b"".join(n.to_bytes(32) for n in (1000, 100, 10, 5, 50, 20, 7, 3, 40, 40, 9)))
    assert totals == Totals(1000, 100, 10, 5, 50, 20, 7, 3, 40, 40, 9)
    assert totals.supply == 1000 + 50 + 7 + 40 - 100 - 10 - 5 - 20 - 3 - 40 - 9


def _kind(item: dict[str, Any]) -> str:
    if item["type"] == "tuple":
        return "(" + ",".join(map(_kind, item["components"])) + ")"
    return str(item["type"])


def _flat(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [inner for item in items for inner in (item["components"] if item["type"] == "tuple" else [item])]
