"""The points contract in plain Python: real calldata in, real logs and revert data out; contract_model.py counts the points.

`test_fake_contract.py` holds it against the compiled contract. What the simulation never calls (self-custody, transfers, the
sunset, notice periods) is left out and refused loudly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from contract_model import CREDITS, NO_LIMIT, Party, Refusal
from contract_state import ContractState

from token_service.chain.admin_calls import ROLES
from token_service.protocol import abi, interface
from token_service.protocol.calldata import decode_call, decode_settle
from token_service.protocol.hashing import ZERO_ADDRESS, ZERO_HASH, address_from_bytes, to_hex


@dataclass(frozen=True, slots=True)
class Log:
    """One log: topics and data as JSON-RPC gives them."""

    topics: tuple[str, ...]
    data: str


class Reverted(Exception):
    """The contract refuses; `data` is what a node gives as the revert data."""

    def __init__(self, error: str, *values: abi.Value) -> None:
        super().__init__(error)
        signature = next(one for one in interface.errors_by_selector().values() if one.name == error)
        self.data = to_hex(signature.selector + abi.encode(signature.kinds, values))


def log(event: str, *values: abi.Value) -> Log:
    """The event's log, its fields in the contract's order."""
    signature = interface.events()[event]
    pairs = list(zip(signature.fields, values, strict=True))
    topics = [to_hex(abi.encode((one.kind,), (value,))) for one, value in pairs if one.is_indexed]
    plain = [(one.kind, value) for one, value in pairs if not one.is_indexed]
    data = abi.encode([kind for kind, _ in plain], [value for _, value in plain])
    return Log((signature.topic, *topics), to_hex(data))


def execute(state: ContractState, sender: str, data: bytes, now: int) -> list[Log]:
    """Changes the state as a transaction in a block of that second does. Raises Reverted; the caller drops the state then."""
    settle = decode_settle(data)
    if settle is not None:
        return _settle(state, sender, settle.seq, settle.ruleset_hash, settle.receipts_root, settle.words, now)
    call = decode_call(data)
    if call is None:
        raise AssertionError("the simulation's contract has no such function")
    return _FUNCTIONS[call.name](state, sender, now, **call.arguments)


def _settle(
    state: ContractState, sender: str, seq: int, ruleset: str, root: str, words: Sequence[int], now: int
) -> list[Log]:
    _need_role(state, sender, "settler")
    _need_running(state, now)
    if ruleset not in state.rulesets or state.rulesets[ruleset] > now:
        raise Reverted("RulesetNotInForce", ruleset)
    lane = state.lane(sender)
    if seq != lane.seq + 1:
        raise Reverted("BatchOutOfSequence", lane.seq + 1, seq)
    skipped = state.points.settle(sender, list(words), now)
    logs, minted, burned = [], 0, 0
    for index, word in enumerate(words):
        account, kind, amount = address_from_bytes((word >> 96).to_bytes(20)), word >> 88 & 0xFF, word & NO_LIMIT
        if index in skipped:
            logs.append(log("EntrySkipped", sender, seq, index, skipped[index]))
        elif kind in CREDITS:
            minted += amount
            logs.append(log("Transfer", ZERO_ADDRESS, account, amount))
        else:
            burned += amount
            logs.append(log("Transfer", account, ZERO_ADDRESS, amount))
    logs.append(log("BatchSettled", sender, seq, ruleset, root, len(words) - len(skipped), minted, burned))
    return logs


def _need_role(state: ContractState, sender: str, *names: str) -> None:
    if not any((ROLES[name], sender) in state.roles for name in names):
        raise Reverted("AccessControlUnauthorizedAccount", sender, ROLES[names[-1]])


def _need_running(state: ContractState, now: int) -> None:
    if now < state.points.paused_until:
        raise Reverted("EnforcedPause")


def _pause(state: ContractState, sender: str, now: int) -> list[Log]:
    _need_role(state, sender, "guard")
    _need_running(state, now)
    state.points.pause(now)
    return [log("Paused", sender, state.points.paused_until)]


def _unpause(state: ContractState, sender: str, now: int) -> list[Log]:
    _need_role(state, sender, "guard")
    try:
        state.points.unpause(now)
    except Refusal as refusal:
        raise Reverted(str(refusal)) from refusal
    return [log("Unpaused", sender)]


def _set_frozen(state: ContractState, sender: str, now: int, account: str, isFrozen: bool) -> list[Log]:  # noqa: N803
    _need_role(state, sender, "guard")
    state.account(account).is_frozen = isFrozen
    return [log("FreezeChanged", account, isFrozen)]


def _register_party(
    state: ContractState, sender: str, now: int, party: int, name: str, ceiling: int, period: int
) -> list[Log]:
    _need_role(state, sender, "admin", "issuers")
    if party == 0:
        raise Reverted("InvalidParty", party)
    if party in state.points.parties:
        raise Reverted("PartyAlreadyRegistered", party)
    state.points.parties[party] = Party(ceiling, period, window=now // period if period else 0)
    return [log("PartyRegistered", party, name), log("CeilingSet", party, ceiling, period, now)]


def _set_ceiling(state: ContractState, sender: str, now: int, party: int, ceiling: int, period: int) -> list[Log]:
    _need_role(state, sender, "issuers")
    if party not in state.points.parties:
        raise Reverted("PartyNotRegistered", party)
    state.points.parties[party].change(ceiling, period, now, state.points.notice)
    return [log("CeilingSet", party, ceiling, period, now)]


def _set_debit_limit(state: ContractState, sender: str, now: int, operator: str, limit: int) -> list[Log]:
    _need_role(state, sender, "admin", "issuers")
    state.lane(operator).change(limit, now, state.points.notice, is_admin=True)
    return [log("DebitLimitSet", operator, limit, now)]


def _publish_ruleset(
    state: ContractState,
    sender: str,
    now: int,
    rulesetHash: str,  # noqa: N803
    uri: str,
    effectiveAt: int,  # noqa: N803
) -> list[Log]:
    _need_role(state, sender, "rules")
    state.rulesets[rulesetHash] = effectiveAt
    return [log("RulesetPublished", rulesetHash, effectiveAt, uri)]


def _grant_role(state: ContractState, sender: str, now: int, role: str, account: str) -> list[Log]:
    _need_role(state, sender, "admin")
    if (role, account) in state.roles:
        return []
    state.roles.add((role, account))
    return [log("RoleGranted", role, account, sender)]


def _revoke_role(state: ContractState, sender: str, now: int, role: str, account: str) -> list[Log]:
    _need_role(state, sender, "admin")
    if (role, account) not in state.roles:
        return []
    state.roles.discard((role, account))
    return [log("RoleRevoked", role, account, sender)]


_FUNCTIONS: dict[str, Callable[..., list[Log]]] = {
    "pause": _pause,
    "unpause": _unpause,
    "setFrozen": _set_frozen,
    "registerParty": _register_party,
    "setCeiling": _set_ceiling,
    "setDebitLimit": _set_debit_limit,
    "publishRuleset": _publish_ruleset,
    "grantRole": _grant_role,
    "revokeRole": _revoke_role,
}


def ask(state: ContractState, data: bytes, now: int) -> bytes:
    """What a view returns as of a block of that second."""
    call = decode_call(data)
    if call is None:
        raise AssertionError("the simulation's contract has no such view")
    values = _VIEWS[call.name](state, now, *call.arguments.values())
    kinds = [one.kind for one in interface.functions()[call.name].results]
    return abi.encode(kinds, values if isinstance(values, tuple) else (values,))


def _party_of(state: ContractState, now: int, number: int) -> tuple[Any, ...]:
    party = state.points.parties.get(number)
    if party is None:
        return (0, 0, 0, 0, False, 0, 0, 0)
    party = replace(party)
    party.roll(now)
    return (party.ceiling, party.issued, party.window, party.period, True, 0, 0, 0)


def _lane_of(state: ContractState, now: int, operator: str) -> tuple[Any, ...]:
    lane = replace(state.lane(operator))
    lane.roll(now)
    return (lane.seq, lane.limit, lane.debited, lane.day, 0, 0)


def _ruleset_at(state: ContractState, now: int, timestamp: int) -> str:
    in_force = [(at, name) for name, at in state.rulesets.items() if at <= timestamp]
    return max(in_force)[1] if in_force else ZERO_HASH


_VIEWS: dict[str, Callable[..., Any]] = {
    "lastSeq": lambda state, now, operator: state.lane(operator).seq,
    "nextSeq": lambda state, now, operator: state.lane(operator).seq + 1,
    "hasRole": lambda state, now, role, account: (role, account) in state.roles,
    "balanceOf": lambda state, now, account: state.account(account).balance,
    "totals": lambda state, now: tuple(state.points.totals.values()),
    "totalSupply": lambda state, now: state.points.supply,
    "paused": lambda state, now: now < state.points.paused_until,
    "rulesetAt": _ruleset_at,
    "partyOf": _party_of,
    "laneOf": _lane_of,
}


@cache
def is_view(selector: bytes) -> bool:
    """Whether eth_call with this selector only reads."""
    signature = interface.functions_by_selector().get(selector)
    return signature is not None and signature.name in _VIEWS
