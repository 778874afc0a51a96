"""Why the contract refused, in a sentence for whoever reads a log or a failed operation."""

from __future__ import annotations

from typing import Final

from token_service.errors import RpcError
from token_service.protocol.contract_errors import ContractFailure, decode_error

_SENTENCES: Final = {
    "EnforcedPause": "the program is paused",
    "ExpectedPause": "the program is not paused",
    "BatchOutOfSequence": "the contract expects batch {expected}, not {given}",
    "RulesetNotInForce": "the ruleset is not in force on the chain",
    "RulesetAlreadyPublished": "this ruleset is published already",
    "RulesetTooEarly": "the ruleset must take effect later: {earliest} (unix seconds) is the earliest",
    "RulesetTooLate": "the ruleset must take effect earlier: {latest} (unix seconds) is the latest",
    "NotNewestOfItsLine": "a newer addendum to this ruleset is published",
    "PartyAlreadyRegistered": "party {party} is registered already",
    "PartyNotRegistered": "party {party} is not registered",
    "InvalidParty": "party {party} cannot be used",
    "SunsetTooEarly": "the end must be announced for later: {earliest} (unix seconds) is the earliest",
    "SunsetPassed": "the program has ended",
    "AccessControlUnauthorizedAccount": "{account} lacks the role for this",
    "TotalsOverflow": "the totals of the contract would overflow",
    "IndirectCall": "batches must come straight from the operator's account, which runs no code",
}


def failure(error: RpcError) -> ContractFailure | None:
    """The contract's own error in a node's refusal, if it is one."""
    return None if error.data is None else decode_error(error.data)


def in_words(error: RpcError) -> str:
    """A sentence; the error's name and numbers where we have none, the node's own words where it is no contract error."""
    found = failure(error)
    if found is None:
        return error.detail
    sentence = _SENTENCES.get(found.name)
    return str(found) if sentence is None else sentence.format(**found.arguments)
