"""Benefits that are used: within their limits, once under a reference, taken back once, whatever becomes of the member."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules

from token_service.errors import (
    AlreadyReversed,
    BenefitUsedUp,
    CampaignNeeded,
    MemberFrozen,
    MemberLeaving,
    MembershipNeeded,
    NotFound,
    ReferenceConflict,
    TierNeeded,
)
from token_service.ledger import views
from token_service.ledger.benefit_using import get_use, list_uses, reverse_use, use_benefit
from token_service.ledger.benefits import get_benefit
from token_service.ledger.closing import close_member
from token_service.ledger.inputs import NewBenefitUse, NewMembership, NewUseReversal
from token_service.ledger.members import freeze
from token_service.ledger.memberships import sell_membership
from token_service.ledger.merging import merge_members
from token_service.ledger.segments import set_segments

RULES = rules(
    tiers=(
        "{qualify_by: spend, window: {kind: lifetime}, levels: ["
        "{id: bronze, from: 0, benefits: [newsletter]}, "
        "{id: silver, from: 5000, benefits: [newsletter, {id: lounge, times: 2, every: P1Y}]}, "
        "{id: gold, from: 50000, benefits: [lounge]}]}"
    ),
    memberships=(
        "[{id: club, price: 2900, period: P12M, benefits: [{id: lounge, times: 4, every: P1Y}, {id: guest, times: 2}]}]"
    ),
    segments="[{id: neighbours}]",
    campaigns=(
        "[{id: summer, from: 2026-06-01, until: 2026-08-31, when: '\"neighbours\" in member.segments', "
        "award: {benefit: pool}, limits: {per_member: {times: 2}}}]"
    ),
)


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


def use(town: Town, member: str, benefit: str = "lounge", **more: Any) -> views.UseOutcome:
    actor = more.pop("actor", town.alice)
    new = NewBenefitUse(**({"reference": town.reference()} | more))
    return use_benefit(town.context, actor, member, benefit, new)


def take_back(town: Town, used: views.BenefitUsed, **more: Any) -> views.UseOutcome:
    actor = more.pop("actor", town.alice)
    new = NewUseReversal(**({"reference": town.reference()} | more))
    where = {"use_id": used.id, "member_id": used.member_id, "benefit": used.benefit}
    return reverse_use(town.context, actor, new, **where)


def join(town: Town, member: str) -> views.Membership:
    return sell_membership(town.context, town.alice, NewMembership(town.reference(), "club", member_id=member)).value


def lounge(town: Town, member: str, benefit: str = "lounge") -> views.Benefit:
    return get_benefit(town.context, town.alice, member, benefit)


def silver(town: Town) -> str:
    member = town.member()
    town.buy(member, 6_000)
    return member


def test_a_benefit_is_used_so_often_in_any_year_and_no_more(town: Town) -> None:
    member = silver(town)
    first = use(town, member).use
    assert (first.granted_by, first.grant, first.times, first.used, first.left) == ("tier", "silver", 2, 1, 1)
    town.clock.forward(30 * DAY)
    assert use(town, member).use.left == 0
    with pytest.raises(BenefitUsedUp) as refused:
        use(town, member)
    year_on = first.created_at + 365 * DAY
    assert refused.value.facts == {"times": 2, "every": "P1Y", "used": 2, "next_at": year_on}
    stands = lounge(town, member)
    assert (stands.granted, stands.reason, stands.used, stands.left, stands.next_at) == (
        False,
        "used_up",
        2,
        0,
        year_on,
    )
    town.clock.at = year_on
    assert use(town, member).use.left == 0, "the first one is free again, the second is not"
    town.check()


def test_one_without_a_limit_is_recorded_too(town: Town) -> None:
    member = town.member()
    for times in range(1, 4):
        used = use(town, member, "newsletter", note="by post").use
        assert (used.used, used.left, used.times, used.note) == (times, None, None, "by post")
    assert lounge(town, member, "newsletter").used == 3
    town.check()


def test_the_most_generous_of_several_grants_counts_and_they_do_not_add_up(town: Town) -> None:
    member = silver(town)
    join(town, member)
    assert [use(town, member).use.grant for _ in range(4)] == ["club"] * 4
    with pytest.raises(BenefitUsedUp):
        use(town, member)
    town.buy(member, 50_000)
    stands = lounge(town, member)
    assert (stands.granted, stands.tier, stands.times, stands.left) == (True, "gold", None, None)
    assert use(town, member).use.used == 5
    town.check()


def test_without_every_a_membership_grants_its_times_in_each_paid_period(town: Town) -> None:
    member = town.member()
    period = join(town, member)
    use(town, member, "guest")
    use(town, member, "guest")
    assert lounge(town, member, "guest").next_at is None, "nobody has paid for another period"
    with pytest.raises(BenefitUsedUp):
        use(town, member, "guest")
    town.clock.forward(100 * DAY)
    join(town, member)
    assert lounge(town, member, "guest").next_at == period.ends_at
    town.clock.at = period.ends_at
    assert use(town, member, "guest").use.left == 1
    town.check()


def test_a_campaign_grants_between_its_dates_to_those_on_whom_its_condition_holds(town: Town) -> None:
    member, stranger = town.member(), town.member()
    set_segments(town.context, ADMIN, member, ["neighbours"])
    stands = lounge(town, member, "pool")
    assert (stands.granted, stands.reason, stands.needs_campaigns) == (False, "campaign_needed", ("summer",))
    with pytest.raises(CampaignNeeded):
        use(town, member, "pool")
    town.clock.forward(100 * DAY)
    stands = lounge(town, member, "pool")
    assert (stands.granted, stands.reason, stands.campaign, stands.left) == (True, "campaign", "summer", 2)
    assert stands.until is not None
    with pytest.raises(CampaignNeeded):
        use(town, stranger, "pool")
    points = town.buy(member, 1_000).value
    assert (points.points, [line.rule for line in points.breakdown]) == (10, ["base"]), "no purchase knows of it"
    use(town, member, "pool")
    use(town, member, "pool")
    with pytest.raises(BenefitUsedUp) as refused:
        use(town, member, "pool")
    assert refused.value.facts["next_at"] is None
    town.check()


def test_what_is_not_granted_says_what_is_needed(town: Town) -> None:
    member = town.member()
    with pytest.raises(TierNeeded) as level:
        use(town, member)
    assert level.value.facts == {"tier": "silver", "missing": 5_000, "memberships": ["club"]}
    with pytest.raises(MembershipNeeded) as paid:
        use(town, member, "guest")
    assert paid.value.facts == {"memberships": ["club"]}
    with pytest.raises(NotFound, match="no such benefit"):
        use(town, member, "yacht")
    with pytest.raises(NotFound):
        use(town, member, "newsletter", actor=town.charlie)
    freeze(town.context, town.alice, member, "lost card")
    with pytest.raises(MemberFrozen):
        use(town, member, "newsletter")
    closed = town.member()
    close_member(town.context, ADMIN, closed, "asked for it")
    with pytest.raises((MemberLeaving, NotFound)):
        use(town, closed, "newsletter")


def test_the_same_reference_is_the_same_use(town: Town) -> None:
    member = silver(town)
    first = use(town, member, reference="door-1")
    again = use(town, member, reference="door-1")
    assert (again.use.id, again.replayed, first.replayed) == (first.use.id, True, False)
    with pytest.raises(ReferenceConflict) as refused:
        use(town, member, "newsletter", reference="door-1")
    assert refused.value.facts["existing_id"] == first.use.id
    assert lounge(town, member).used == 1


def test_a_use_is_taken_back_once_and_is_free_again(town: Town) -> None:
    member = silver(town)
    used = use(town, member).use
    use(town, member)
    town.clock.forward(timedelta(minutes=5))
    undone = take_back(town, used, reference="undo-1", reason="the wrong card")
    assert undone.use.reversed_at == town.clock.at
    assert take_back(town, used, reference="undo-1", reason="the wrong card").replayed
    assert lounge(town, member).left == 1
    with pytest.raises(AlreadyReversed):
        take_back(town, used)
    with pytest.raises(NotFound):
        take_back(town, used, actor=town.charlie)
    with pytest.raises(NotFound, match="no such use"):
        take_back(town, replace(used, member_id=town.member()))
    assert get_use(town.context, town.alice, used.id, member, "lounge").reversed_at is not None
    use(town, member)
    town.check()


def test_uses_are_listed_newest_first_to_a_merchant_its_own(town: Town) -> None:
    member = silver(town)
    made = [use(town, member, name).use.id for name in ("lounge", "newsletter", "newsletter")]
    page = list_uses(town.context, town.alice, member, limit=2)
    rest = list_uses(town.context, town.alice, member, limit=2, cursor=page.next_cursor)
    assert [one.id for one in (*page.data, *rest.data)] == made[::-1]
    assert [one.benefit for one in list_uses(town.context, ADMIN, member, benefit="lounge").data] == ["lounge"]
    with pytest.raises(NotFound):
        list_uses(town.context, town.charlie, member)


def test_uses_move_with_the_history_when_two_accounts_become_one(town: Town) -> None:
    member, other = silver(town), silver(town)
    used = use(town, other).use
    merge_members(town.context, ADMIN, other, member, "one person")
    assert lounge(town, member).used == 1
    assert use(town, member).use.left == 0
    with pytest.raises(BenefitUsedUp):
        use(town, member)
    take_back(town, used)
    assert lounge(town, member).left == 1
    assert len(list_uses(town.context, town.alice, member).data) == 2
    town.check()


def test_a_reference_of_the_other_account_is_still_the_same_use(town: Town) -> None:
    member, other = silver(town), silver(town)
    used = use(town, other, reference="door-7").use
    merge_members(town.context, ADMIN, other, member, "one person")
    again = use(town, other, reference="door-7")
    assert (again.use.id, again.replayed) == (used.id, True)


def test_the_last_one_is_used_once_by_however_many_tills_at_once(town: Town) -> None:
    member = silver(town)
    use(town, member)

    def try_it(number: int) -> int:
        try:
            return int(not use(town, member, reference=f"till-{number}").replayed)
        except BenefitUsedUp:
            return 0

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(try_it, range(8))) == 1
    assert lounge(town, member).left == 0
    town.check()
