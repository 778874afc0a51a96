"""What a transaction may cost, and what a node's refusal of it means."""

from __future__ import annotations

import pytest
from anvil_node import Anvil
from hypothesis import given
from hypothesis import strategies as st

from token_service.chain import fees, reads
from token_service.chain.fees import Fees
from token_service.chain.send_errors import Refusal, classify


def test_the_quote_is_twice_the_base_fee_and_the_usual_tip(anvil: Anvil) -> None:
    head = reads.head(anvil.node)
    quote = fees.quote(anvil.node, head, 10**12)
    assert quote.max_fee_per_gas == 2 * head.base_fee + quote.max_priority_fee_per_gas
    assert fees.quote(anvil.node, head, 5) == Fees(5, 5)


@given(st.integers(1, 10**12), st.integers(1, 10**12), st.integers(1, 10**12))
def test_a_replacement_costs_at_least_a_tenth_more_but_never_passes_the_ceiling(
    old: int, new: int, ceiling: int
) -> None:
    bumped = Fees(old, old).bumped(Fees(new, new), ceiling)
    assert bumped.max_fee_per_gas <= ceiling
    assert bumped.max_fee_per_gas == ceiling or bumped.max_fee_per_gas * 10 >= old * 11


@pytest.mark.parametrize(("gas_limit", "expected"), [(60_000_000, 500), (30_000_000, 459), (1_000_000, 6), (1, 1)])
def test_a_batch_takes_at_most_half_a_block(gas_limit: int, expected: int) -> None:
    assert fees.words_max(gas_limit, 500) == expected
    assert fees.settle_gas(fees.words_max(60_000_000, 10_000)) <= fees.TRANSACTION_GAS_MAX


@pytest.mark.parametrize(
    ("message", "refusal"),
    [
        ("already known", Refusal.ACCEPTED),
        ("transaction already imported", Refusal.ACCEPTED),
        ("Known transaction", Refusal.ACCEPTED),
        ("unknown transaction type", Refusal.INDETERMINATE),
        ("nonce too low", Refusal.CONSUMED),
        ("replacement transaction underpriced", Refusal.HIGHER_EXISTS),
        ("transaction underpriced", Refusal.TOO_CHEAP),
        ("max fee per gas less than block base fee", Refusal.TOO_CHEAP),
        ("nonce too high", Refusal.EARLY),
        ("insufficient funds for gas * price + value", Refusal.FUNDS),
        ("Insufficient funds for gas", Refusal.FUNDS),
        ("intrinsic gas too low", Refusal.MALFORMED),
        ("invalid chain id for signer", Refusal.MALFORMED),
        ("something went wrong", Refusal.INDETERMINATE),
        ("", Refusal.INDETERMINATE),
    ],
)
def test_refusals_are_told_apart_by_their_words(message: str, refusal: Refusal) -> None:
    assert classify(message) is refusal
