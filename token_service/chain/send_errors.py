"""What a node's refusal of a transaction means. Nodes answer in prose, each in its own; the words are collected here.

Sources: reference/settlement-engines.md §2.5 (Chainlink, OpenZeppelin Relayer, anvil, geth). The default is INDETERMINATE:
perhaps the node has it, so the same bytes are sent again (DESIGN §5, rule D).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final

from token_service.errors import RpcError


class Refusal(Enum):
    """What to do next, the mildest first: of several nodes' refusals the first in this order counts."""

    ACCEPTED = "accepted"  # the node has it already
    CONSUMED = "consumed"  # the nonce is used: the indexer will find out by whom
    HIGHER_EXISTS = "higher_exists"  # a better-paid attempt is waiting
    TOO_CHEAP = "too_cheap"  # needs a replacement with higher fees
    EARLY = "early"  # a lower nonce is missing
    FUNDS = "out_of_funds"  # the account cannot pay the gas
    INDETERMINATE = "indeterminate"
    MALFORMED = "malformed"  # will never be taken: a person must look


_WORDS: Final = (
    ("unknown", Refusal.INDETERMINATE),
    ("already known", Refusal.ACCEPTED),
    ("already imported", Refusal.ACCEPTED),
    ("known transaction", Refusal.ACCEPTED),
    ("nonce too low", Refusal.CONSUMED),
    ("replacement transaction underpriced", Refusal.HIGHER_EXISTS),
    ("replacement fee too low", Refusal.HIGHER_EXISTS),
    ("less than block base fee", Refusal.TOO_CHEAP),
    ("underpriced", Refusal.TOO_CHEAP),
    ("nonce too high", Refusal.EARLY),
    ("exceeds next nonce", Refusal.EARLY),
    ("future", Refusal.EARLY),
    ("insufficient funds", Refusal.FUNDS),
    ("intrinsic gas", Refusal.MALFORMED),
    ("gas limit exceeds", Refusal.MALFORMED),
    ("exceeds block gas limit", Refusal.MALFORMED),
    ("exceeds transaction gas cap", Refusal.MALFORMED),
    ("oversized", Refusal.MALFORMED),
    ("chain id", Refusal.MALFORMED),
    ("invalid sender", Refusal.MALFORMED),
)


def classify(message: str) -> Refusal:
    """The first of the known phrases that the message contains, in the order above."""
    text = message.casefold()
    return next((refusal for words, refusal in _WORDS if words in text), Refusal.INDETERMINATE)


def mildest(errors: Sequence[RpcError]) -> RpcError | None:
    """What several nodes said to the same transaction, as one: any acceptance counts, and none has the last word alone."""
    order = list(Refusal)
    return min(errors, key=lambda error: order.index(classify(error.detail)), default=None)
