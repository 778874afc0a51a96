"""An award told apart by dates: whatever is taken away, the parts sum to what is left, and what lasts longest is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from token_service.program import lots as engine
from token_service.program.award_expiry import DatedPoints, dated_points, lines_of_part
from token_service.program.earning import Line
from token_service.program.lots import Lot

from .baskets import NOON, ruleset_of

OWN = {
    "days": {"kind": "fixed", "period": "P30D"},
    "month": {"kind": "period_end", "period": "month", "periods": 1},
    "never": {"kind": "none"},
    "date": {"kind": "date", "on": "2027-01-31"},
    "plain": None,
}
CAMPAIGNS = [
    {"id": name, "until": "2026-12-31", "award": {"points": 5} | ({} if own is None else {"expiry": own})}
    for name, own in OWN.items()
]
EXPIRIES = st.sampled_from(
    [{"kind": "none"}, {"kind": "fixed", "period": "P40D"}, {"kind": "inactivity", "period": "P1M"}]
)
LINES = st.lists(st.tuples(st.sampled_from(["base", *OWN]), st.integers(0, 50)), min_size=1, max_size=8)
END = datetime.max.replace(tzinfo=UTC)


def parts(
    expiry: dict[str, str], given_: list[tuple[str, int]], left: int, active_days: int = 0
) -> tuple[DatedPoints, ...]:
    rules = ruleset_of(campaigns=CAMPAIGNS, expiry=expiry)
    active = NOON + timedelta(days=active_days)
    lines = [Line(rule, points, "") for rule, points in given_]
    return dated_points(rules, lines, left, of_purchase=True, occurred_at=NOON, last_activity=active)


@given(EXPIRIES, LINES, st.data(), st.integers(0, 60))
def test_parts_sum_to_what_is_left_and_no_two_share_a_date(
    expiry: dict[str, str], lines: list[tuple[str, int]], data: st.DataObject, active: int
) -> None:
    left = data.draw(st.integers(0, sum(points for _, points in lines)))
    found = parts(expiry, lines, left, active)
    assert sum(one.points for one in found) == left
    assert all(one.points > 0 for one in found)
    dates = [one.expires_at or END for one in found]
    assert dates == sorted(dates)
    assert len({(one.expires_at, one.keeps_date) for one in found}) == len(found)


@given(EXPIRIES, LINES, st.data(), st.integers(0, 60))
def test_what_is_cut_before_it_is_issued_leaves_what_a_reversal_leaves(
    expiry: dict[str, str], lines: list[tuple[str, int]], data: st.DataObject, active: int
) -> None:
    awarded = sum(points for _, points in lines)
    back = data.draw(st.integers(0, awarded))
    stock = [
        Lot(f"ent_{number}", "pur_1", one.points, one.points, NOON, one.expires_at, one.keeps_date)
        for number, one in enumerate(parts(expiry, lines, awarded, active))
    ]
    uses = engine.reverse(stock, back, operation_id="pur_1", at=NOON) if back else ()
    after = [DatedPoints(one.left, one.expires_at, one.keeps_date) for one in engine.apply(stock, uses) if one.left]
    assert after == list(parts(expiry, lines, awarded - back, active))


@given(LINES)
def test_a_purchases_own_lots_are_taken_back_before_any_other_whatever_their_dates(
    lines: list[tuple[str, int]],
) -> None:
    awarded = sum(points for _, points in lines)
    own = [
        Lot(f"ent_{number}", "pur_1", one.points, one.points, NOON, one.expires_at, one.keeps_date)
        for number, one in enumerate(parts({"kind": "none"}, lines, awarded))
    ]
    sooner = Lot("ent_other", "pur_2", 5, 5, NOON, NOON + timedelta(days=1))
    uses = engine.reverse([sooner, *own], awarded + 3, operation_id="pur_1", at=NOON)
    assert {use.lot_id: use.points for use in uses} == {one.id: -one.points for one in own} | {"ent_other": -3}


def test_rules_without_an_expiry_of_their_own_make_one_part_of_everything() -> None:
    rules = ruleset_of(expiry={"kind": "fixed", "period": "P30D"})
    lines = [Line("base", 20, ""), Line("bonus", 5, ""), Line("limit:per_order_points", -3, "")]
    found = dated_points(rules, lines, 22, of_purchase=True, occurred_at=NOON, last_activity=None)
    assert found == (DatedPoints(22, NOON + timedelta(days=30)),)


def test_a_part_is_explained_by_its_own_lines() -> None:
    rules = ruleset_of(campaigns=CAMPAIGNS, expiry={"kind": "fixed", "period": "P40D"})
    lines = [Line("base", 20, ""), Line("days", 5, ""), Line("limit:per_order_points", -3, "")]

    def of(part: DatedPoints) -> list[str]:
        said = {"of_purchase": True, "occurred_at": NOON, "expires_at": part.expires_at, "keeps_date": part.keeps_date}
        return [line.rule for line in lines_of_part(rules, lines, part.points, **said)]  # type: ignore[arg-type]

    found = dated_points(rules, lines, 22, of_purchase=True, occurred_at=NOON, last_activity=None)
    assert [(one.points, of(one)) for one in found] == [(2, ["days", "limit:per_order_points"]), (20, ["base"])]
