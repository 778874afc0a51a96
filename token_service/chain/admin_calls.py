"""An administrative operation as calldata. Kinds and arguments are listed in ledger/admin_operations.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from token_service.errors import InvalidInput
from token_service.protocol import abi
from token_service.protocol.calldata import encode_call
from token_service.protocol.contract_build import contract_build
from token_service.protocol.hashing import ZERO_HASH, from_hex, text_hash

CONSTRUCTOR: Final = ("string", "string", "address", "uint48", "uint40", "uint40")
ROLES: Final[Mapping[str, str]] = {
    "admin": ZERO_HASH,
    "settler": text_hash("SETTLER"),
    "rules": text_hash("RULES"),
    "issuers": text_hash("ISSUERS"),
    "guard": text_hash("GUARD"),
}
"""The contract's role identifiers by our names (CONTRACT §1)."""

Arguments = Mapping[str, Any]


def calldata_of(kind: str, arguments: Arguments) -> bytes:
    """The transaction's input. Raises InvalidInput for an unknown kind or arguments that do not fit."""
    encode = _CALLS.get(kind)
    if encode is None:
        raise InvalidInput("no such administrative operation")
    try:
        return encode(arguments)
    except KeyError as error:
        raise InvalidInput(f"the operation lacks the argument {error.args[0]}") from error


def _deploy(given: Arguments) -> bytes:
    values = (
        given["name"],
        given["symbol"],
        given["admin"],
        given["admin_delay_seconds"],
        given["notice_period_seconds"],
        given["sunset_notice_seconds"],
    )
    return contract_build().bytecode + abi.encode(CONSTRUCTOR, values)


def _role_call(function: str) -> Callable[[Arguments], bytes]:
    return lambda given: encode_call(function, ROLES[given["role"]], given["account"])


def _party(given: Arguments) -> bytes:
    limits = given["ceiling_points"], given["period_seconds"]
    return encode_call("registerParty", given["party"], given["name"], *limits)


_CALLS: Final[Mapping[str, Callable[[Arguments], bytes]]] = {
    "deploy": _deploy,
    "grant_role": _role_call("grantRole"),
    "revoke_role": _role_call("revokeRole"),
    "register_party": _party,
    "set_ceiling": lambda given: encode_call(
        "setCeiling", given["party"], given["ceiling_points"], given["period_seconds"]
    ),
    "set_debit_limit": lambda given: encode_call("setDebitLimit", given["operator"], given["points"]),
    "publish_ruleset": lambda given: encode_call("publishRuleset", given["hash"], given["uri"], given["effective_at"]),
    "publish_addendum": lambda given: encode_call("publishAddendum", given["base_hash"], given["hash"], given["uri"]),
    "pause": lambda given: encode_call("pause"),
    "unpause": lambda given: encode_call("unpause"),
    "set_frozen": lambda given: encode_call("setFrozen", given["account"], given["frozen"]),
    "bind_self_custody": lambda given: encode_call(
        "bindSelfCustody",
        given["from"],
        given["to"],
        given["expires_at"],
        given["deadline"],
        from_hex(given["from_signature"]),
        from_hex(given["to_signature"]),
    ),
    "return_to_custody": lambda given: encode_call(
        "returnToCustody", given["from"], given["to"], given["deadline"], from_hex(given["signature"])
    ),
    "redeem_with_signature": lambda given: encode_call(
        "redeemWithSignature",
        given["account"],
        given["points"],
        given["merchant"],
        given["reward"],
        given["deadline"],
        from_hex(given["signature"]),
    ),
    "announce_sunset": lambda given: encode_call("announceSunset", given["at"]),
}
