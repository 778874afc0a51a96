"""What was spent or given too long ago to matter bounds nothing, so it need not be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from ledger_town import rules

from token_service.program import donations
from token_service.program.donations import Given, donation_bound
from token_service.program.ruleset import Ruleset, parse_ruleset
from token_service.program.spending_limits import Spent, counts_since, most_within, spending_bound

ZONES = ("Europe/Paris", "America/New_York", "Pacific/Apia", "Africa/Cairo", "Australia/Lord_Howe")
COOL_DOWNS = (None, "PT1S", "PT5H", "P1D", "P1M", "P2M", "P1Y", "P1DT1H")
times = st.integers(0, 110 * 86_400).map(
    lambda seconds: datetime(2011, 12, 28, tzinfo=UTC) + timedelta(seconds=seconds)
)


def limited(zone: str, day: int | None, cool_down: str | None) -> Ruleset:
    limits = ([f"per_member_day_points: {day}"] if day else []) + ([f"cool_down: {cool_down}"] if cool_down else [])
    gifts = [f"per_member_day_points: {day}"] if day else ["min_points: 1"]
    document = rules(redemption=f"{{{', '.join(limits)}}}") if limits else rules()
    document += f"donations: {{{', '.join(gifts)}}}\n"
    return parse_ruleset(document.replace("Europe/Paris", zone))


RULESETS = [limited(zone, day, every) for zone in ZONES for day in (None, 300) for every in COOL_DOWNS]


@given(
    st.sampled_from(RULESETS),
    times,
    st.lists(st.tuples(st.integers(0, 90 * 86_400), st.integers(1, 200)), max_size=12),
    st.integers(1, 300),
)
def test_what_came_before_changes_no_answer(
    ruleset: Ruleset, at: datetime, history: list[tuple[int, int]], points: int
) -> None:
    before = [Spent(at - timedelta(seconds=ago), spent) for ago, spent in history]
    since, given_since = counts_since(ruleset, at), donations.counts_since(ruleset, at)
    lately = [one for one in before if since is not None and one.at >= since]
    asked = {"is_amount": True, "at": at}
    assert spending_bound(ruleset, points, spent=lately, **asked) == spending_bound(
        ruleset, points, spent=before, **asked
    )
    assert most_within(ruleset, points, spent=lately, at=at) == most_within(ruleset, points, spent=before, at=at)
    gifts = [one for one in before if given_since is not None and one.at >= given_since]
    gift = Given(points, "a cause")
    assert donation_bound(ruleset, gift, before=gifts, at=at) == donation_bound(ruleset, gift, before=before, at=at)


def test_what_each_member_may_give_in_all_asks_for_all() -> None:
    ruleset = parse_ruleset(rules(donations="{per_member_points: 100}"))
    long_ago = [Spent(datetime(2020, 1, 1, tzinfo=UTC), 60)]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    since = donations.counts_since(ruleset, now)
    assert since is not None
    assert since <= long_ago[0].at
    bound = donation_bound(ruleset, Given(50, "a cause"), before=long_ago, at=now)
    assert bound is not None
    assert bound.remaining == 40
