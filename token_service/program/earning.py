"""What a purchase earns: one breakdown line a rule, and the lines add up to the award.

Order (DESIGN §3a): earning rules, campaign bonuses, multipliers (the tier's, then memberships', then campaigns'), limits.
Exact whole numbers and fractions; each rule rounds once, as it says. A limit is a negative line of its own, and an award is never
negative. The same facts under the same ruleset give the same lines for ever: tests/program/golden holds them to it,
`why` included, because receipts commit to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import floor
from typing import Any

from token_service.errors import InvalidInput
from token_service.program.action_schema import PerMember
from token_service.program.award_schema import BonusAward, CampaignAward, MatchingLines, MultiplierAward, PurchaseAward
from token_service.program.basket import Basket, condition_facts, whole
from token_service.program.budgets import budget_text
from token_service.program.campaign_limits import LIMIT_PREFIX, is_used_up, limited, room_in_budget
from token_service.program.caps import cap_rooms
from token_service.program.conditions import holds, prepared
from token_service.program.facts import PurchaseFacts
from token_service.program.line_shares import figure, matching, shares, total_of
from token_service.program.money import money_text
from token_service.program.schema import Campaign, ItemRule, PurchaseRule, Ruleset, SpendRule, VisitRule
from token_service.program.schema_values import Rounding
from token_service.units import POINTS_MAX

VELOCITY_LINE = "limit:velocity"
REFUSED_WHOLE = "; more is refused, not reduced"
"""How the line of a limit ends that refused the award (`limits.over`)."""
_ROUNDED = {"floor": "rounded down", "half_up": "rounded to the nearest", "ceil": "rounded up"}
_SPENT = {"gross": "paid", "net": "paid without tax", "goods": "paid without shipping"}
_FOR_LINES = " for matching lines"


@dataclass(frozen=True, slots=True)
class Line:
    """What one rule gave (or, for a limit, took away) and why, in plain English.

    `rule` is the id of an earning rule or campaign, "tier:" and a level's id, "membership:" and one's id,
    "challenge:" and one's id, "limit:" and the limit's key, or "limit:campaign:" and a campaign's id.
    """

    rule: str
    points: int
    why: str


@dataclass(frozen=True, slots=True)
class Award:
    """0 ≤ points ≤ 2^53−1, always the sum of its breakdown."""

    points: int
    breakdown: tuple[Line, ...]

    def to_json(self) -> dict[str, Any]:
        return {"points": self.points, "breakdown": [asdict(line) for line in self.breakdown]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Award:
        """The award that `to_json` wrote. Raises InvalidInput for anything else."""
        try:
            return award_of(tuple(Line(**line) for line in document["breakdown"]))
        except (KeyError, TypeError) as error:
            raise InvalidInput("This is not an award.") from error


def award_of(lines: tuple[Line, ...]) -> Award:
    """The award that these lines add up to."""
    return Award(sum(line.points for line in lines), lines)


def decide_purchase(ruleset: Ruleset, facts: PurchaseFacts) -> Award:
    """What the purchase earns. Simulation and the real call use this one function."""
    basket = whole(facts)
    return award_for(ruleset, basket, running_campaigns(ruleset, basket))


def running_campaigns(ruleset: Ruleset, basket: Basket) -> tuple[Campaign, ...]:
    """Campaigns that run on the purchase's local date and whose condition holds for the basket, in the ruleset's order; not those
    that give no points, or are for lines of which the basket has none.
    """
    day = basket.facts.local.date
    running = [campaign for campaign in ruleset.campaigns if runs_on(campaign, day) and _is_for(campaign.award, basket)]
    if all(campaign.when is None for campaign in running):
        return tuple(running)
    facts = prepared(condition_facts(basket), tuple(campaign.when for campaign in running if campaign.when is not None))
    return tuple(campaign for campaign in running if campaign.when is None or holds(campaign.when, facts))


def _is_for(award: CampaignAward, basket: Basket) -> bool:
    return isinstance(award, PurchaseAward) and (award.items is None or bool(matching(award.items, basket)))


def runs_on(campaign: Campaign, day: str) -> bool:
    """Whether a local date lies between the campaign's first and last one."""
    return (campaign.starts is None or campaign.starts.isoformat() <= day) and (
        campaign.until is None or day <= campaign.until.isoformat()
    )


def award_for(ruleset: Ruleset, basket: Basket, campaigns: tuple[Campaign, ...]) -> Award:
    """What a basket earns when exactly these campaigns apply. One that the member had as often as they may gives a line of 0."""
    used_up = [campaign for campaign in campaigns if is_used_up(basket.facts, campaign)]
    campaigns = tuple(campaign for campaign in campaigns if campaign not in used_up)
    earned = [(rule, line) for rule in purchase_rules(ruleset) if (line := _earning_line(rule, basket)) is not None]
    bonuses = [
        (campaign.award, _bonus_line(campaign.id, campaign.award, basket))
        for campaign in campaigns
        if isinstance(campaign.award, BonusAward)
    ]
    multiplied = earned if ruleset.multipliers.basis == "earning" else [*earned, *bonuses]
    lines = [line for _, line in earned] + [line for _, line in bonuses]
    lines += _multiplier_lines(ruleset, basket, campaigns, multiplied)
    lines += [Line(LIMIT_PREFIX + campaign.id, 0, _why_used_up(campaign)) for campaign in used_up]
    lines += _budget_lines(ruleset, basket, campaigns, lines)
    return award_of(tuple(lines + _limit_lines(ruleset, basket, sum(line.points for line in lines))))


def round_points(value: Fraction, rounding: Rounding) -> int:
    """`value` ≥ 0 as whole points: down, up, or to the nearest with halves up."""
    return _rounded(value.numerator, value.denominator, rounding)


def _rounded(numerator: int, denominator: int, rounding: Rounding) -> int:
    """The quotient of whole numbers, rounded once; no fraction is made on the way, which would take longer than all the rest."""
    if rounding == "floor":
        return numerator // denominator
    return -(-numerator // denominator) if rounding == "ceil" else (2 * numerator + denominator) // (2 * denominator)


def _per(figure: Fraction, points: int, per: int, rounding: Rounding) -> int:
    """`points` for every `per` of the figure, rounded once."""
    return _rounded(figure.numerator * points, figure.denominator * per, rounding)


def purchase_rules(ruleset: Ruleset) -> tuple[PurchaseRule, ...]:
    """The earning rules that purchases earn by, in their order."""
    return tuple(rule for rule in ruleset.earning if isinstance(rule, PurchaseRule))


def _earning_line(rule: PurchaseRule, basket: Basket) -> Line | None:
    if isinstance(rule, SpendRule):
        return _spend_line(rule, basket)
    return _item_line(rule, basket) if isinstance(rule, ItemRule) else _visit_line(rule, basket)


def _spend_line(rule: SpendRule, basket: Basket) -> Line:
    return _money_line(rule.id, rule, basket.spend(rule.basis), basket.facts.currency)


def _money_line(
    rule_id: str, rule: SpendRule | ItemRule | BonusAward, counted: Fraction, currency: str, what: str = ""
) -> Line:
    """Points for every `per` cents of what was counted."""
    assert rule.per is not None
    why = (
        f"{points_text(rule.points)} per {money_text(rule.per, currency)} of {money_text(floor(counted), currency)} "
        f"{_SPENT[rule.basis]}{what}, {_ROUNDED[rule.rounding]}"
    )
    return Line(rule_id, _per(counted, rule.points, rule.per, rule.rounding), why)


def _item_line(rule: ItemRule, basket: Basket) -> Line | None:
    lines = matching(rule, basket)
    if not lines:
        return None
    if rule.per is not None:
        counted = total_of([figure(line, rule.basis) for line in lines])
        return _money_line(rule.id, rule, counted, basket.facts.currency, _FOR_LINES)
    per, pieces = rule.per_quantity or 1, total_of([line.quantity for line in lines])
    why = f"{points_text(rule.points)} per {_pieces(per)} of the {floor(pieces)} that match, {_ROUNDED[rule.rounding]}"
    return Line(rule.id, _per(pieces, rule.points, per, rule.rounding), why)


def _visit_line(rule: VisitRule, basket: Basket) -> Line | None:
    visit = basket.facts.visit
    if visit.receipt != 1 or visit.number % rule.every:
        return None
    how_often = "each visit" if rule.every == 1 else f"one visit in {rule.every}"
    return Line(rule.id, rule.points, f"{points_text(rule.points)} for {how_often}: this is visit {visit.number}")


def _bonus_line(campaign_id: str, award: BonusAward, basket: Basket) -> Line:
    if award.per is None:
        return Line(campaign_id, award.points, "campaign bonus")
    currency = basket.facts.currency
    if award.items is None:
        return _money_line(campaign_id, award, basket.spend(award.basis), currency)
    counted = total_of([figure(line, award.basis) for line in matching(award.items, basket)])
    return _money_line(campaign_id, award, counted, currency, _FOR_LINES)


def _multiplier_lines(
    ruleset: Ruleset,
    basket: Basket,
    campaigns: tuple[Campaign, ...],
    multiplied: Sequence[tuple[PurchaseRule | BonusAward, Line]],
) -> list[Line]:
    """One line a multiplier. Together they give round(base × all of them): each rounds the product so far, of all lines that they
    multiply and of what they leave alone.
    """
    factors = _factors(ruleset, basket, campaigns)
    given = [(rule, line.points) for rule, line in multiplied]
    base = Fraction(sum(points for _, points in given))
    parts = shares(given, basket) if any(items is not None for *_, items in factors) else {None: base}
    lines, rounding = [], ruleset.multipliers.rounding
    for rule, percent, items in factors:
        before = round_points(total_of(list(parts.values())), rounding)
        chosen = None if items is None else {line.item.line for line in matching(items, basket)}
        parts = {
            number: Fraction(part.numerator * percent, part.denominator * 100)
            if chosen is None or number in chosen
            else part
            for number, part in parts.items()
        }
        after = round_points(total_of(list(parts.values())), rounding)
        what = "" if items is None else _FOR_LINES
        why = f"{percent} %{what}: {points_text(before)} become {after}, {_ROUNDED[rounding]}"
        lines.append(Line(rule, after - before, why))
    return lines


def _factors(
    ruleset: Ruleset, basket: Basket, campaigns: tuple[Campaign, ...]
) -> list[tuple[str, int, MatchingLines | None]]:
    """The multipliers in their order: rule, percent, and the lines that it is for (None: all that is multiplied)."""
    factors: list[tuple[str, int, MatchingLines | None]] = [
        (f"tier:{level.id}", level.multiplier_percent, None)
        for level in (ruleset.tiers.levels if ruleset.tiers else ())
        if level.id == basket.facts.member.tier and level.multiplier_percent != 100
    ]
    held = basket.facts.member.memberships
    factors += [
        (f"membership:{one.id}", one.multiplier_percent, None)
        for one in ruleset.memberships
        if one.id in held and one.multiplier_percent != 100
    ]
    factors += [
        (campaign.id, campaign.award.multiplier_percent, campaign.award.items)
        for campaign in campaigns
        if isinstance(campaign.award, MultiplierAward)
    ]
    return factors


def campaign_points(award: Award, campaign_id: str) -> int:
    """What a campaign gave of an award, without what its budget took away again. Later limits of the order don't lessen it."""
    return sum(line.points for line in award.breakdown if line.rule in {campaign_id, LIMIT_PREFIX + campaign_id})


def _budget_lines(ruleset: Ruleset, basket: Basket, campaigns: tuple[Campaign, ...], lines: list[Line]) -> list[Line]:
    """A negative line for each campaign that gave more than its budget has left."""
    cuts = []
    for campaign in limited(campaigns):
        room = room_in_budget(ruleset, basket.facts, campaign)
        given = sum(line.points for line in lines if line.rule == campaign.id)
        if room is not None and given > room:
            assert campaign.limits is not None
            why = f"at most {budget_text(ruleset, campaign.limits)} for this campaign, {room} of them left"
            cuts.append(Line(LIMIT_PREFIX + campaign.id, room - given, why))
    return cuts


def _why_used_up(campaign: Campaign) -> str:
    assert campaign.limits is not None
    assert campaign.limits.per_member is not None
    return how_often_text(campaign.limits.per_member)


def how_often_text(per_member: PerMember) -> str:
    """ "at most once a member in P7D"."""
    times, every = per_member.times, per_member.every
    often = "once" if times == 1 else f"{times} times"
    return f"at most {often} a member" + ("" if every is None else f" in {every}")


def _limit_lines(ruleset: Ruleset, basket: Basket, points: int) -> list[Line]:
    """Negative lines, one for each limit that cuts what the ones before it left."""
    limits = ruleset.limits
    per_day = limits.per_member_day_points
    room_today = None if per_day is None else max(0, per_day - basket.facts.member.day_points)
    rooms = [
        ("limit:per_order_points", limits.per_order_points, f"at most {limits.per_order_points} points an order"),
        ("limit:per_member_day_points", room_today, f"at most {per_day} points a day, {room_today} of them left"),
        *_velocity_room(ruleset, basket.facts),
        *cap_rooms(ruleset, basket.facts),
        ("limit:largest_entry", POINTS_MAX, f"at most {POINTS_MAX} points an entry"),
    ]
    return cut_to_rooms(ruleset, rooms, points)


def is_too_fast(ruleset: Ruleset, facts: PurchaseFacts) -> bool:
    """Whether the member bought as often as they may earn by, just before."""
    velocity = ruleset.limits.velocity
    return velocity is not None and (facts.member.recent or 0) >= velocity.purchases


def _velocity_room(ruleset: Ruleset, facts: PurchaseFacts) -> list[tuple[str, int | None, str]]:
    velocity = ruleset.limits.velocity
    if velocity is None or not is_too_fast(ruleset, facts):
        return []
    return [(VELOCITY_LINE, 0, f"at most {velocity.purchases} purchases in {velocity.every} earn points")]


def cut_to_rooms(ruleset: Ruleset, rooms: Iterable[tuple[str, int | None, str]], points: int) -> list[Line]:
    """A negative line for each (rule, room, why) whose room is less than what is left of the points; a limit that the rules
    say refuses (`limits.over`) takes all that is left.
    """
    lines = []
    for rule, room, why in rooms:
        if room is not None and points > room:
            is_refused = ruleset.limits.refuses(rule.removeprefix("limit:"))
            left = 0 if is_refused else room
            lines.append(Line(rule, left - points, why + REFUSED_WHOLE if is_refused else why))
            points = left
    return lines


def is_refused_whole(award: Award) -> bool:
    """Whether a limit refused the award: then it holds nothing of campaigns and limited rules either."""
    return any(line.why.endswith(REFUSED_WHOLE) for line in award.breakdown)


def points_text(points: int) -> str:
    return "1 point" if points == 1 else f"{points} points"


def _pieces(pieces: int) -> str:
    return "piece" if pieces == 1 else f"{pieces} pieces"
