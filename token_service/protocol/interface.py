"""Every function, event and error of LoyaltyPoints by signature, with the names that the contract gives to its fields.

A test compares this table with the compiled contract. Structs stand in the place where Solidity encodes them: they
are static, so their fields follow each other as if they were arguments of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from token_service.protocol import abi

FUNCTIONS: Final = (
    # what the service sends
    "settle(uint64 seq,bytes32 rulesetHash,bytes32 receiptsRoot,uint256[] entries)",
    "publishRuleset(bytes32 rulesetHash,string uri,uint40 effectiveAt)",
    "publishAddendum(bytes32 base,bytes32 rulesetHash,string uri)",
    "registerParty(uint24 party,string name,uint64 ceiling,uint40 period)",
    "setCeiling(uint24 party,uint64 ceiling,uint40 period)",
    "setDebitLimit(address operator,uint64 limit)",
    "pause()",
    "unpause()",
    "setFrozen(address account,bool isFrozen)",
    "announceSunset(uint40 at)",
    "openTransfers()",
    "raiseSelfCustodyExpiry(address account,uint40 expiresAt)",
    # what anyone sends for a member who has signed
    "bindSelfCustody(address from,address to,uint40 expiresAt,uint256 deadline,bytes fromSignature,bytes toSignature)",
    "returnToCustody(address from,address to,uint256 deadline,bytes signature)",
    "redeemWithSignature(address account,uint64 amount,uint24 merchant,bytes32 reward,uint256 deadline,"
    "bytes signature)",
    "invalidateNonce()",
    # ERC-20 and ERC-1404
    "transfer(address to,uint256 value) -> (bool)",
    "transferFrom(address from,address to,uint256 value) -> (bool)",
    "approve(address spender,uint256 value) -> (bool)",
    "allowance(address owner,address spender) -> (uint256)",
    "balanceOf(address account) -> (uint256)",
    "totalSupply() -> (uint256)",
    "name() -> (string)",
    "symbol() -> (string)",
    "decimals() -> (uint8)",
    "detectTransferRestriction(address from,address to,uint256 value) -> (uint8)",
    "messageForTransferRestriction(uint8 code) -> (string)",
    # views
    "accountOf(address account) -> (uint128 balance,uint64 nonce,uint40 selfCustodyExpiresAt,bool isSelfCustody,"
    "bool isFrozen)",
    "nonces(address account) -> (uint64)",
    "laneOf(address operator) -> (uint64 seq,uint64 debitLimit,uint64 debited,uint40 day,uint64 nextDebitLimit,"
    "uint24 raisesOnDay)",
    "lastSeq(address operator) -> (uint64)",
    "nextSeq(address operator) -> (uint64)",
    "partyOf(uint24 party) -> (uint64 ceiling,uint64 issued,uint40 window,uint40 period,bool isRegistered,"
    "uint64 nextCeiling,uint40 nextPeriod,uint40 raisesAt)",
    "totals() -> (uint64 issued,uint64 redeemed,uint64 expired,uint64 reversed,uint64 restored,uint64 donated,"
    "uint64 adjustedUp,uint64 adjustedDown,uint64 movedOut,uint64 movedIn,uint64 redeemedBySignature)",
    "rulesetOf(bytes32 rulesetHash) -> (uint40 effectiveAt,uint40 publishedAt,bytes32 base)",
    "rulesetAt(uint256 timestamp) -> (bytes32)",
    "paused() -> (bool)",
    "pausedUntil() -> (uint40)",
    "sunsetAnnouncedAt() -> (uint40)",
    "sunsetAt() -> (uint40)",
    "transfersOpenAt() -> (uint40)",
    "verifyReceipt(bytes32 receiptsRoot,(address operator,uint64 seq,uint256 index,address account,uint8 kind,"
    "uint24 party,uint64 amount,bytes32 commitment),bytes32[] proof) -> (bool)",
    "DEPLOYED_AT() -> (uint256)",
    "noticePeriod() -> (uint40)",
    "sunsetNotice() -> (uint40)",
    # roles (OpenZeppelin AccessControlDefaultAdminRules)
    "hasRole(bytes32 role,address account) -> (bool)",
    "grantRole(bytes32 role,address account)",
    "revokeRole(bytes32 role,address account)",
    "renounceRole(bytes32 role,address account)",
    "defaultAdmin() -> (address)",
    "beginDefaultAdminTransfer(address newAdmin)",
    "cancelDefaultAdminTransfer()",
    "acceptDefaultAdminTransfer()",
)

EVENTS: Final = (
    "Transfer(address indexed from,address indexed to,uint256 value)",
    "Approval(address indexed owner,address indexed spender,uint256 value)",
    "BatchSettled(address indexed operator,uint64 indexed seq,bytes32 indexed rulesetHash,bytes32 receiptsRoot,"
    "uint256 count,uint256 minted,uint256 burned)",
    "EntrySkipped(address indexed operator,uint64 indexed seq,uint256 index,uint8 reason)",
    "RulesetPublished(bytes32 indexed rulesetHash,uint40 effectiveAt,string uri)",
    "AddendumPublished(bytes32 indexed base,bytes32 indexed rulesetHash,uint40 effectiveAt,string uri)",
    "PartyRegistered(uint24 indexed party,string name)",
    "CeilingSet(uint24 indexed party,uint64 ceiling,uint40 period,uint40 effectiveAt)",
    "DebitLimitSet(address indexed operator,uint64 limit,uint40 effectiveAt)",
    "Paused(address indexed guard,uint40 until)",
    "Unpaused(address indexed guard)",
    "FreezeChanged(address indexed account,bool isFrozen)",
    "SunsetAnnounced(uint40 at)",
    "TransfersOpening(uint40 at)",
    "SelfCustodyBound(address indexed from,address indexed to,uint256 amount,uint40 expiresAt)",
    "ReturnedToCustody(address indexed from,address indexed to,uint256 amount)",
    "SelfCustodyExpiryRaised(address indexed account,uint40 expiresAt)",
    "Redeemed(address indexed account,uint24 indexed merchant,bytes32 indexed reward,uint256 amount,uint64 nonce)",
    "NonceInvalidated(address indexed account,uint64 nonce)",
    "RoleGranted(bytes32 indexed role,address indexed account,address indexed sender)",
    "RoleRevoked(bytes32 indexed role,address indexed account,address indexed sender)",
)

ERRORS: Final = (
    "Error(string reason)",
    "Panic(uint256 code)",
    "BatchOutOfSequence(uint64 expected,uint64 given)",
    "IndirectCall()",
    "RulesetNotInForce(bytes32 rulesetHash)",
    "TotalsOverflow(uint256 kind)",
    "EmptyRulesetHash()",
    "RulesetAlreadyPublished(bytes32 rulesetHash)",
    "NoticeTooLong(uint40 longest)",
    "FirstRulesetNotZero(uint40 effectiveAt)",
    "RulesetTooEarly(uint40 effectiveAt,uint40 earliest)",
    "RulesetTooLate(uint40 effectiveAt,uint40 latest)",
    "NotNewestOfItsLine(bytes32 base)",
    "InvalidParty(uint24 party)",
    "PartyAlreadyRegistered(uint24 party)",
    "PartyNotRegistered(uint24 party)",
    "EnforcedPause()",
    "ExpectedPause()",
    "SunsetTooEarly(uint40 at,uint40 earliest)",
    "SunsetPassed(uint40 at)",
    "TransfersAlreadyOpening(uint40 at)",
    "TransfersDisabled()",
    "AccountFrozen(address account)",
    "NotSelfCustody(address account)",
    "AlreadySelfCustody(address account)",
    "DestinationNotEmpty(address account)",
    "ExpiryNotRaised(uint40 current,uint40 given)",
    "ExpiryMismatch(uint40 current,uint40 given)",
    "SignatureExpired(uint256 deadline)",
    "InvalidSignature(address account)",
    "InvalidAmount(uint256 amount)",
    "ERC20InsufficientBalance(address sender,uint256 balance,uint256 needed)",
    "ERC20InvalidSender(address sender)",
    "ERC20InvalidReceiver(address receiver)",
    "ERC20InsufficientAllowance(address spender,uint256 allowance,uint256 needed)",
    "ERC20InvalidApprover(address approver)",
    "ERC20InvalidSpender(address spender)",
    "AccessControlUnauthorizedAccount(address account,bytes32 neededRole)",
    "AccessControlBadConfirmation()",
    "AccessControlInvalidDefaultAdmin(address defaultAdmin)",
    "AccessControlEnforcedDefaultAdminRules()",
    "AccessControlEnforcedDefaultAdminDelay(uint48 schedule)",
)


@dataclass(frozen=True, slots=True)
class Field:
    """One argument, result or event field. An unnamed result is called `value`."""

    kind: str
    name: str
    is_indexed: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """One line of the tables above: `canonical` is what is hashed, `fields` and `results` what is encoded."""

    name: str
    canonical: str
    fields: tuple[Field, ...]
    results: tuple[Field, ...]

    @property
    def selector(self) -> bytes:
        """The first four bytes of a call of this function, or of this error's data."""
        return abi.selector(self.canonical)

    @property
    def topic(self) -> str:
        """The first topic of this event's logs."""
        return abi.topic(self.canonical)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The ABI types of the fields in order."""
        return tuple(field.kind for field in self.fields)


@lru_cache(maxsize=1)
def functions() -> dict[str, Signature]:
    """Signatures of the functions by name."""
    return {signature.name: signature for signature in map(_parse, FUNCTIONS)}


@lru_cache(maxsize=1)
def functions_by_selector() -> dict[bytes, Signature]:
    """Signatures of the functions by the first four bytes of a call."""
    return {signature.selector: signature for signature in functions().values()}


@lru_cache(maxsize=1)
def events() -> dict[str, Signature]:
    """Signatures of the events by name."""
    return {signature.name: signature for signature in map(_parse, EVENTS)}


@lru_cache(maxsize=1)
def errors_by_selector() -> dict[bytes, Signature]:
    """Signatures of the errors by the first four bytes of a revert's data."""
    return {signature.selector: signature for signature in map(_parse, ERRORS)}


def _parse(line: str) -> Signature:
    call, _, results = line.partition(" -> ")
    name, _, inside = call.partition("(")
    canonical = re.sub(r" (?:indexed )?\w+(?=[,)])", "", call)
    return Signature(name, canonical, _fields(inside), _fields(results.removeprefix("(")))


def _fields(text: str) -> tuple[Field, ...]:
    flat = text.replace("(", "").replace(")", "")
    return tuple(_field(part.split()) for part in flat.split(",") if part)


def _field(words: list[str]) -> Field:
    return Field(kind=words[0], name=words[-1] if len(words) > 1 else "value", is_indexed="indexed" in words)
