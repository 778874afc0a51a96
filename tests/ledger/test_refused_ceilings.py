"""The ledger's own ceiling after the contract refused another one, on both databases."""

from __future__ import annotations

import pytest
from ledger_town import ADMIN, DAY, START, Town
from sqlalchemy import update

from token_service.errors import CeilingReached
from token_service.ledger.merchants import get_merchant, set_ceiling
from token_service.ledger.refused_ceilings import ChainCeiling, put_back, refused_ceilings
from token_service.ledger.settlement_tables import admin_operations


def test_the_chains_ceiling_acts_again_with_its_announced_raise(town: Town) -> None:
    merchant_id = town.alice.merchant_id or ""
    party = get_merchant(town.context, ADMIN, merchant_id).party
    set_ceiling(town.context, ADMIN, merchant_id, 500, 86_400)
    chain = ChainCeiling(20, 86_400, 30, 86_400, START + DAY)
    with town.context.store.write() as connection:
        assert put_back(connection, party, chain) is None  # the newest order is on its way: its outcome decides
        connection.execute(update(admin_operations).values(state="failed", error="no role"))
        assert put_back(connection, party, chain) == "the ceiling is again the chain's: 20 points"
        assert put_back(connection, 99, chain) is None
    assert [refused.merchant_name for refused in refused_ceilings(town.context.store)][1] == "Alice"
    town.buy(town.member(), 2_000)
    with pytest.raises(CeilingReached):
        town.buy(town.member(), 100)
    town.settle_all()
    town.clock.forward(DAY)
    assert get_merchant(town.context, ADMIN, merchant_id).ceiling.points == 30
