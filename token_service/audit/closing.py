"""At the pinned block the contract's own figures must be those that the auditor replayed from its history."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from token_service.audit.report import Finding, Findings, PinnedBlock
from token_service.audit.rpc import Rpc
from token_service.audit.state import State
from token_service.errors import InvalidInput, RpcError
from token_service.protocol import calldata, contract_state
from token_service.protocol.contract_state import Totals
from token_service.protocol.hashing import from_hex, to_hex


def compare(rpc: Rpc, contract: str, block: PinnedBlock, state: State, findings: Findings) -> None:
    """Notes every figure that differs, and every view that does not answer."""
    reader = _Reader(rpc, contract, block, findings)
    _totals(reader, state)
    _lanes(reader, state)
    _parties(reader, state)
    for name, check, expected in (
        ("sunsetAt", "sunset", state.sunset_at),
        ("sunsetAnnouncedAt", "sunset", state.sunset_announced_at),
        ("transfersOpenAt", "notice", state.transfers_open_at),
        ("pausedUntil", "pause", state.paused_until),
    ):
        found = reader.value(check, name)
        if found is not None:
            reader.same(check, f"{name}()", expected, found)


class _Reader:
    """Views at the pinned block; what cannot be read becomes a doubt."""

    def __init__(self, rpc: Rpc, contract: str, block: PinnedBlock, findings: Findings) -> None:
        self.rpc, self.contract, self.block, self.findings = rpc, contract, block, findings

    def data(self, check: str, name: str, *arguments: Any) -> bytes | None:
        try:
            return self.rpc.call(self.contract, calldata.encode_call(name, *arguments), hex(self.block.number))
        except (RpcError, InvalidInput) as error:
            self.findings.doubt(check, f"{name} cannot be read at block {self.block.number}: {error.detail}")
            return None

    def value(self, check: str, name: str) -> Any:
        data = self.data(check, name)
        return None if data is None else self.read(check, name, lambda: contract_state.read_value(name, data))

    def read(self, check: str, name: str, read: Any) -> Any:
        try:
            return read()
        except InvalidInput as error:
            self.findings.doubt(check, f"{name} answers nonsense: {error.detail}")
            return None

    def same(self, check: str, what: str, expected: object, found: object) -> None:
        if expected != found:
            detail = f"{what} of the contract is not what its history gives"
            block = self.block.number
            self.findings.add(Finding(check, detail, expected=str(expected), found=str(found), block=block))


def _totals(reader: _Reader, state: State) -> None:
    replayed = Totals(**state.totals)
    data = reader.data("totals", "totals")
    told = None if data is None else reader.read("totals", "totals", lambda: contract_state.read_totals(data))
    if told is not None:
        for name, found in asdict(told).items():
            reader.same("totals", f"totals().{name}", state.totals[name], found)
    supply = reader.value("totals", "totalSupply")
    if supply is not None:
        reader.same("totals", "totalSupply()", replayed.supply, supply)


def _lanes(reader: _Reader, state: State) -> None:
    for operator, lane in state.lanes.items():
        lane.advance(reader.block.timestamp)
        data = reader.data("sequences", "laneOf", operator)
        if data is None:
            continue
        told = reader.read("sequences", "laneOf", lambda data=data: contract_state.read_lane(data))
        if told is not None:
            reader.same("sequences", f"laneOf({operator}).seq", lane.seq, told.seq)
            reader.same("debit_limits", f"laneOf({operator}).debitLimit", lane.limit, told.debit_limit)
            reader.same("debit_limits", f"laneOf({operator}).debited", lane.debited, told.debited)


def _parties(reader: _Reader, state: State) -> None:
    """Parties in batches: a programme may have thousands."""
    numbers = sorted(state.parties)
    calls = [("eth_call", [_call(reader.contract, number), hex(reader.block.number)]) for number in numbers]
    try:
        answers = reader.rpc.batch(calls)
    except RpcError as error:
        reader.findings.doubt("ceilings", f"partyOf cannot be read: {error.detail}")
        return
    for number, answer in zip(numbers, answers, strict=True):
        party = state.parties[number]
        party.advance(reader.block.timestamp)
        told = reader.read("ceilings", "partyOf", lambda answer=answer: contract_state.read_party(from_hex(answer)))
        if told is not None:
            reader.same("ceilings", f"partyOf({number}).ceiling", party.ceiling, told.ceiling)
            reader.same("ceilings", f"partyOf({number}).issued", party.issued, told.issued)


def _call(contract: str, number: int) -> dict[str, str]:
    return {"to": contract, "data": to_hex(calldata.encode_call("partyOf", number))}
