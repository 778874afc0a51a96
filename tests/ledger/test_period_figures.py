"""What the programme gave and took in of late: by the day of recording, what came back taken off; on both databases."""

from __future__ import annotations

from datetime import date

from ledger_town import DAY, Make, rules

from token_service.ledger.period_figures import period_figures


def test_the_redemption_rate_is_what_was_used_of_what_was_given(make: Make) -> None:
    town = make(rules())
    member = town.member()
    bought = town.buy(member, 100_000).value
    town.refund(bought.id, 10_000)
    used = town.redeem(member, 300).value
    town.restore(used.id, 100)
    found = period_figures(town.context, 30)
    assert (found.issued, found.used, found.expired) == (900, 200, 0)
    assert found.used_hundredths_percent == 2_222
    assert (found.since, found.until) == (date(2026, 2, 1), date(2026, 3, 2))


def test_a_period_has_whole_local_days_and_a_rate_only_where_something_was_given(make: Make) -> None:
    town = make(rules())
    member = town.member()
    assert period_figures(town.context, 7).used_hundredths_percent is None
    town.buy(member, 10_000)
    town.clock.forward(7 * DAY)
    town.redeem(member, 50)
    assert (period_figures(town.context, 7).issued, period_figures(town.context, 8).issued) == (0, 100)
    week = period_figures(town.context, 7)
    assert (week.used, week.used_hundredths_percent) == (50, None)
    assert period_figures(town.context, 8).used_hundredths_percent == 5_000
