"""Limits on giving and on using points, in a member's words: the rules, a breakdown, and why somebody waits."""

from __future__ import annotations

from datetime import UTC, datetime

from pages_town import Town

from token_service.pages.breakdown import explained
from token_service.pages.rules_in_words import in_words
from token_service.pages.spending_in_words import bound_in_words
from token_service.program.earning import REFUSED_WHOLE, Line
from token_service.program.ruleset import parse_ruleset

RULES = parse_ruleset("""
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris}
earning: [{id: base, kind: spend, points: 1, per: 100}]
limits:
  per_order_points: 100
  per_member_day_points: 150
  over: {per_order_points: refuse}
  count_manual: true
  manual_issuance_day_points: 400
  adjustment_day_points: 300
redemption: {min_points: 100, max_points: 1500, step_points: 50, per_member_day_points: 2000, cool_down: PT10M}
""")


def plain(text: str) -> str:
    """With ordinary spaces for those that don't break."""
    return text.replace("\u00a0", " ")


def test_the_rules_tell_each_limit(town: Town) -> None:
    with town.app().test_request_context("/", headers={"Accept-Language": "en"}):
        said = [plain(line.text) for chapter in in_words(RULES) for line in chapter.lines]
    for words in (
        "A purchase earns at most 100 points; what would earn more earns nothing",
        "A day earns at most 150 points",
        "Points given by hand count in the day’s limits as those of purchases do.",
        "One person gives at most 400 points by hand in a day.",
        "One person alone corrects at most 300 points in a day.",
        "At least 100 points are used at once.",
        "At most 1,500 points are used at once.",
        "Points are used in steps of 50.",
        "A member uses at most 2,000 points a day.",
        "Between two uses of points lies at least 10 minutes.",
    ):
        assert words in said


def test_a_breakdown_says_that_an_award_was_refused(town: Town) -> None:
    line = Line("limit:per_order_points", -120, "at most 100 points an order" + REFUSED_WHOLE)
    with town.app().test_request_context("/", headers={"Accept-Language": "en"}):
        (told,) = explained([line], RULES)
    assert (told.points, told.text) == (
        -120,
        "A purchase earns at most 100 points; more than that is refused, so this earned nothing",
    )


def test_who_has_to_wait_reads_until_when(town: Town) -> None:
    at = datetime(2026, 11, 28, 9, 52, tzinfo=UTC).isoformat()
    with town.app().test_request_context("/", headers={"Accept-Language": "en"}):
        soon = bound_in_words({"reason": "too_soon", "limit": "PT10M", "possible_at": at}, RULES)
        many = bound_in_words({"reason": "too_many", "limit": 1500, "excess_points": 20}, RULES)
        day = bound_in_words({"reason": "day_spent", "limit": 2000, "remaining": 20}, RULES)
        other = bound_in_words({"reason": "level_needed"}, RULES)
    assert plain(soon or "") == "Points were used just before. They can be used again on 28 November 2026 at 10:52."
    assert day == "A member uses at most 2,000 points a day; 20 are left of today."
    assert many == "At most 1,500 points are used at once."
    assert other is None
