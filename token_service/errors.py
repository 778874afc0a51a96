"""Every error that Méreau raises on purpose, in one tree that tells who must act.

What do you want from this file?
1. To know when to raise what: the four families below answer "whose move is it?".
2. To add an error: give it a stable `code` (API.md lists them), a docstring saying when, and nothing of HTTP.
   The api maps families and codes to statuses in one table of its own.

An error carries the numbers that explain it (balance, needed, limit) in `facts`; never a key, token, salt or raw input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Place:
    """Where in the input something is wrong: a JSON pointer (RFC 6901) and a sentence."""

    pointer: str
    detail: str


class MereauError(Exception):
    """The root. `detail` is a sentence for the person who must act; `facts` are JSON-ready extras of the problem."""

    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, *, places: tuple[Place, ...] = (), **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.places = places
        self.facts = facts


# --- The caller's move: the same request will never succeed as it stands -------------------------------------------


class CallerError(MereauError):
    """The request is wrong or may not be done; nothing was changed."""

    code = "invalid_request"
    title = "The request cannot be done"


class InvalidInput(CallerError):
    """A value is of the wrong type, out of range, or contradicts another one."""

    code = "invalid_input"
    title = "The input is not valid"


class NotFound(CallerError):
    """No such object, or none that this caller may see: the two are never told apart."""

    code = "not_found"
    title = "Not found"


class VoucherUnknown(NotFound):
    """No voucher has this code."""

    code = "voucher_unknown"
    title = "No voucher has this code"


class MemberCodeExpired(NotFound):
    """No member shows this code now: it expired, or never was one."""

    code = "member_code_expired"
    title = "This code is not valid, or no longer"


class Unauthorized(CallerError):
    """No key, an unknown key, or a revoked one."""

    code = "unauthorized"
    title = "A valid API key is needed"


class Forbidden(CallerError):
    """The key is valid but lacks the scope."""

    code = "forbidden"
    title = "This key may not do that"


class Conflict(CallerError):
    """The request contradicts something already recorded."""

    code = "conflict"
    title = "Already recorded otherwise"


class ReferenceConflict(Conflict):
    """The reference is taken by other content; `existing_id` names the first object."""

    code = "reference_conflict"
    title = "This reference was used for something else"


class AlreadyReversed(Conflict):
    """The operation was reversed before; `existing_id` names the reversal."""

    code = "already_reversed"
    title = "Already reversed"


class IdempotencyKeyReused(CallerError):
    """The Idempotency-Key came earlier with other content."""

    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used for another request"


class SecretShownOnce(Conflict):
    """A replayed request would have to show a secret again."""

    code = "secret_shown_once"
    title = "The secret was shown once and cannot be shown again"


# --- The caller's move, and the rules say why -----------------------------------------------------------------------


class Refused(CallerError):
    """The rules or the balance forbid it; `facts` say what is missing."""

    code = "refused"
    title = "Refused by the programme's rules"


class InsufficientBalance(Refused):
    """Fewer points available than asked; facts: `available`, `missing_points`."""

    code = "insufficient_balance"
    title = "Not enough points"


class LimitExceeded(Refused):
    """A limit of the ruleset would be passed; facts: `limit`, `remaining`."""

    code = "limit_exceeded"
    title = "A limit of the programme would be exceeded"


class MemberFrozen(Refused):
    """The member is frozen until a person decides."""

    code = "member_frozen"
    title = "The member is frozen"


class MemberLeaving(Refused):
    """The member is leaving with their points; no new debits."""

    code = "member_leaving"
    title = "The member is leaving"


class OwnCard(Refused):
    """Staff may not move the points of a card that is their own: somebody else of the staff does it."""

    code = "own_card"
    title = "This is your own card"


class ProgramPaused(Refused):
    """The contract is paused."""

    code = "program_paused"
    title = "The program is paused"


class AfterSunset(Refused):
    """The program has ended: nothing is issued any more."""

    code = "after_sunset"
    title = "The program has ended"


class CeilingReached(Refused):
    """The merchant's on-chain ceiling leaves no room; facts: `ceiling`, `remaining`, `available_at`."""

    code = "ceiling_reached"
    title = "The merchant's ceiling is reached"


class RefundExceedsPurchase(Refused):
    """More would be refunded than was bought; facts: `refundable`."""

    code = "refund_exceeds_purchase"
    title = "The refund exceeds the purchase"


class TotalMismatch(Refused):
    """Lines, shipping and discount do not add up to the total; facts: `total`, `computed`."""

    code = "total_mismatch"
    title = "The lines do not add up to the total"


class WrongCurrency(Refused):
    """Money in another currency than the program's; facts: `expected`."""

    code = "wrong_currency"
    title = "Wrong currency"


class TooLate(Refused):
    """The fact lies further back than the ruleset's `accept_late`; facts: `accepted_since`."""

    code = "too_late"
    title = "Too late to record this"


class HoldExpired(Refused):
    """The hold has expired and its points are free again."""

    code = "hold_expired"
    title = "The hold has expired"


class RewardUnavailable(Refused):
    """No such reward in the ruleset in force, or not for this member now."""

    code = "reward_unavailable"
    title = "This reward is not available"


class VoucherUsed(Refused):
    """A voucher buys its reward once; facts: `used_at`, and `merchant_id` and `reference` of that use to its own merchant."""

    code = "voucher_used"
    title = "The voucher was used before"


class VoucherCancelled(Refused):
    """The points of the voucher were given back; facts: `cancelled_at`."""

    code = "voucher_cancelled"
    title = "The voucher was given back"


# --- Later: the same request may succeed without a change ------------------------------------------------------------


class TryAgain(MereauError):
    """Nothing was changed; the same request may succeed after `retry_after_seconds`."""

    code = "try_again"
    title = "Try again"

    def __init__(self, detail: str, *, retry_after_seconds: int = 1, **facts: object) -> None:
        super().__init__(detail, places=(), **facts)
        self.retry_after_seconds = retry_after_seconds


class BacklogFull(TryAgain):
    """Too much waits for settlement."""

    code = "backlog_full"
    title = "Too much is waiting for settlement"


class DatabaseBusy(TryAgain):
    """The database is locked or unreachable."""

    code = "database_busy"
    title = "The database is busy"


class NodeUnreachable(TryAgain):
    """No chain node answered, or it answered nonsense."""

    code = "node_unreachable"
    title = "The chain node does not answer"


class TooManyRequests(TryAgain):
    """The key's rate limit, or too many wrong codes."""

    code = "too_many_requests"
    title = "Too many requests"


# --- The operator's move -----------------------------------------------------------------------------------------------


class OperatorError(MereauError):
    """Set-up, disk, chain or configuration needs a person; the sentence says what to do."""

    code = "operator_needed"
    title = "The operator must act"


class BadSettings(OperatorError):
    """A setting is missing or wrong."""

    code = "bad_settings"
    title = "A setting is wrong"


class NotInitialised(OperatorError):
    """There is no programme here yet."""

    code = "not_initialised"
    title = "No programme here yet"


class ChainOwned(OperatorError):
    """Another process owns the embedded chain."""

    code = "chain_owned"
    title = "The chain has an owner already"


class ChainOlderThanLedger(OperatorError):
    """The chain's head lies below what the ledger has already seen."""

    code = "chain_older_than_ledger"
    title = "The chain is older than the ledger"


class ChainMissing(OperatorError):
    """The embedded chain's file is not where the ledger's programme left it."""

    code = "chain_missing"
    title = "The chain's file is missing"


class WrongContract(OperatorError):
    """The code at the address is not the published build."""

    code = "wrong_contract"
    title = "The contract is not the published build"


class DiskFull(OperatorError):
    """No room to write; nothing was acknowledged."""

    code = "disk_full"
    title = "The disk is full"


class LaneHalted(OperatorError):
    """A lane waits for a person; facts: `operator`, `reason`."""

    code = "lane_halted"
    title = "A lane is halted"


class RpcError(OperatorError):
    """The node answered a JSON-RPC error; `data` is the revert data ("0x…") if there was any."""

    code = "node_refused"
    title = "The chain node refused the request"

    def __init__(self, detail: str, *, rpc_code: int = -32000, data: str | None = None) -> None:
        super().__init__(detail)
        self.rpc_code = rpc_code
        self.data = data


class PolicyRefused(OperatorError):
    """The signer's policy forbids to sign this."""

    code = "policy_refused"
    title = "The signer refuses to sign this"


class WrongChain(OperatorError):
    """The node serves another chain than the ledger was made for."""

    code = "wrong_chain"
    title = "The node serves another chain"


class AdminOperationFailed(OperatorError):
    """An operation of the program's administration was refused by the contract; `detail` says why."""

    code = "admin_operation_failed"
    title = "The contract refused an administrative operation"


# --- Our fault ------------------------------------------------------------------------------------------------------


class InvariantBroken(MereauError):
    """Something that must always hold does not (DESIGN §3). The transaction is rolled back."""

    code = "invariant_broken"
    title = "An internal check failed; nothing was changed"
