"""What a transaction may cost, and what a node's refusal of it means."""

from __future__ import annotations

import pytest
from anvil_node import Anvil
from hypothesis import given
from hypothesis import strategies as st

from token_service.chain import fees, reads
from token_service.chain.fees import Fees, Market
from token_service.chain.send_errors import Refusal, classify
from token_service.units import WEI_PER_GWEI


def test_the_quote_is_twice_the_base_fee_and_the_usual_tip(anvil: Anvil) -> None:
    head = reads.head(anvil.node)
    quote = fees.quote(anvil.node, head, 10**12)
    assert quote.max_fee_per_gas == 2 * head.base_fee + quote.max_priority_fee_per_gas
    assert fees.quote(anvil.node, head, 5) == Fees(5, 5)


WEI = st.integers(1, 10**12)


@given(WEI, WEI, WEI, WEI, st.integers(1, 10**13))
def test_a_replacement_raises_both_fees_by_an_eighth_or_there_is_none(
    fee: int, tip: int, new_fee: int, new_tip: int, ceiling: int
) -> None:
    was, fresh = Fees(max(fee, tip), tip), Fees(max(new_fee, new_tip), new_tip)
    bumped = was.bumped(fresh, ceiling)
    if bumped is None:
        assert ceiling * 8 < was.max_fee_per_gas * 9
        return
    assert bumped.max_priority_fee_per_gas <= bumped.max_fee_per_gas <= ceiling
    assert bumped.max_fee_per_gas * 8 >= was.max_fee_per_gas * 9
    assert bumped.max_priority_fee_per_gas * 8 >= was.max_priority_fee_per_gas * 9
    assert bumped.max_fee_per_gas >= min(ceiling, fresh.max_fee_per_gas)


@pytest.mark.parametrize(
    ("base_gwei", "absolute_gwei", "ceiling_gwei"),
    [(1, 500, 100), (30, 500, 305), (30, 200, 200), (200, 500, 500)],
)
def test_above_a_threshold_a_replacement_costs_at_most_five_times_a_new_one(
    base_gwei: int, absolute_gwei: int, ceiling_gwei: int
) -> None:
    now = Market(base_gwei * WEI_PER_GWEI, WEI_PER_GWEI)
    assert now.ceiling_of_replacements(absolute_gwei * WEI_PER_GWEI) == ceiling_gwei * WEI_PER_GWEI


def test_a_chain_without_a_base_fee_has_one_gas_price() -> None:
    assert Market(None, 7).fees(100) == Fees(7, 7, is_legacy=True)
    assert Market(None, 7).fees(5) == Fees(5, 5, is_legacy=True)
    assert Fees(7, 7, is_legacy=True).bumped(Market(None, 6).fees(100), 100) == Fees(8, 8, is_legacy=True)
    assert Fees(0, 0, is_legacy=True).bumped(Market(None, 0).fees(100), 100) == Fees(1, 1, is_legacy=True)
    assert (fees.paid(7, 7, None), fees.paid(10, 2, 5), fees.paid(6, 2, 5)) == (7, 7, 6)


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
