"""A backup is restored from before a refund that took an invitation back: the repaired ledger says and does the same."""

from __future__ import annotations

import random
from collections.abc import Callable

from ledger_town import ADMIN, DAY, Make
from test_referrals import RULES, after_window, code_of, join, points, states
from test_repairing import copied, gap_of, repaired  # noqa: F401 (fixture)

from token_service.ledger.due import run_due
from token_service.ledger.rebuild import rebuild
from token_service.ledger.referrals import get_invitation
from token_service.ledger.store import Store


def test_what_was_taken_back_in_the_lost_time_is_taken_back(
    make: Make,
    copied: Callable[[Store], Store],  # noqa: F811
) -> None:
    town = make(RULES)
    inviter = join(town)
    friend = join(town, code_of(town, inviter))
    bought = town.buy(friend, 2_000).value.id
    after_window(town)
    copy = copied(town.context.store)
    town.refund(bought, 2_000)
    again, _, closed = repaired(town, copy, gap_of(town, random.Random(1)))
    assert closed == []
    assert (points(again, inviter, friend), states(again, inviter)) == ([(0, 0), (0, 0)], [("taken_back", None)])
    again.check()
    again.clock.forward(2 * DAY)
    again.buy(friend, 500)
    again.clock.forward(16 * DAY)
    run_due(again.context)
    assert get_invitation(again.context, ADMIN, friend).invited_by.state == "paid"  # type: ignore[union-attr]
    again.check()


def test_a_rebuild_leaves_what_is_paid_paid(make: Make) -> None:
    town = make(RULES)
    inviter = join(town)
    town.buy(join(town, code_of(town, inviter)), 2_000)
    after_window(town)
    rebuild(town.context)
    assert states(town, inviter) == [("paid", None)]
