"""Which lie the auditor names of each kind of entry and fact: a table of lies × kinds, in which no kind may be missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from token_service.audit.accounts.kinds import CHECKS
from token_service.audit.report import AuditReport
from token_service.ledger.causes import list_causes

from .kinds_of_leaves import RULES, Key, histories
from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import saying


def more(name: str, by: int = 1) -> Callable[[Settling], Settling]:
    """A figure of the detail is another one."""
    return lambda leaf: saying(leaf, **{name: leaf.detail[name] + by})


def more_points(by: int = 1) -> Callable[[Settling], Settling]:
    """The entry moves other points than it should, and says so."""

    def change(leaf: Settling) -> Settling:
        points = leaf.detail["points"]
        return saying(leaf, amount=leaf.amount + by, points=points + (by if points > 0 else -by))

    return change


def a_point_less(leaf: Settling) -> Settling:
    """One point of the lot stays."""
    first, *others = leaf.detail["lots"]
    lots = [first | {"points": first["points"] + 1}, *others]
    return saying(leaf, amount=leaf.amount - 1, points=leaf.detail["points"] + 1, lots=lots)


def spends_a_point_less(leaf: Settling) -> Settling:
    """And says so everywhere: only the least amount speaks against it."""
    points = leaf.amount - 1
    return saying(a_point_less(leaf), price=points, value=points * 10)


def gives_a_point_less(leaf: Settling) -> Settling:
    """And says so everywhere: only the least amount speaks against it."""
    return saying(a_point_less(leaf), value=(leaf.amount - 1) * 10)


def grants(**changed: Any) -> Callable[[Settling], Settling]:
    return lambda leaf: saying(leaf, decision=leaf.detail["decision"] | changed)


def says(**detail: Any) -> Callable[[Settling], Settling]:
    return lambda leaf: saying(leaf, **detail)


def facts(**changed: Any) -> Callable[[Settling], Settling]:
    return lambda leaf: saying(leaf, facts=leaf.detail["facts"] | changed)


LIES: Mapping[Key, tuple[str, Callable[[Settling], Settling]]] = {
    ("award_pending", "purchase"): ("awards", more("points")),
    ("issuance", "purchase"): ("awards", more_points()),
    ("purchase", "purchase"): ("awards", facts(total=5_000)),
    ("issuance", "purchase", "delivery"): ("awards", says(recorded_at="2026-03-09T09:00:00Z")),
    ("issuance", "event"): ("awards", more_points()),
    ("event", "event"): ("awards", facts(event="review.written")),
    ("issuance", "issuance"): ("manual", more_points(200)),
    ("adjustment", "adjustment"): ("manual", says(reason="")),
    ("adjustment", "adjustment", "import"): ("manual", says(reason="a gesture")),
    ("held", "hold"): ("lots", more("points_held")),
    ("released", "hold"): ("lots", more("points_freed")),
    ("redemption", "redemption"): ("rewards", more("price")),
    ("donation", "donation"): ("rewards", more("value")),
    ("donation", "donation", "least"): ("rewards", gives_a_point_less),
    ("donation", "donation", "cause"): ("rewards", says(cause_name="Opéra")),
    ("donation", "donation", "reward"): ("rewards", says(reward="coffee")),
    ("restoration", "restoration"): ("restorations", more_points(60)),
    ("award_cut", "refund"): ("reversals", more("kept")),
    ("delivery", "delivery"): ("awards", says(due_at="2026-03-01T09:00:00Z")),
    ("award_lapsed", "lapse"): ("awards", more("points")),
    ("refund", "refund"): ("reversals", more("kept", -1)),
    ("reversal", "refund"): ("reversals", more_points(-1)),
    ("debt", "refund"): ("reversals", more("debt", -1)),
    ("reversal", "reversal"): ("reversals", more_points()),
    ("debt", "reversal"): ("reversals", more("debt", -1)),
    ("expiry", None): ("lots", a_point_less),
    ("tier", None): ("tiers", says(to="bronze")),
    ("segments", None): ("history", says(segments=["regulars", "press"])),
    ("standing_order", None): ("rewards", more("up_to", -1)),
    ("redemption", "redemption", "renewal"): ("rewards", says(renewal={"amount": 499})),
    ("closed", None): ("history", says(kind="reopened")),
    ("reopened", None): ("history", says(kind="closed")),
    ("merged_in", "merge"): ("manual", says(actor=None)),
    ("merged", "merge"): ("lots", more("moved")),
    ("move", "merge"): ("lots", more_points()),
    ("voucher_used", None): ("rewards", says(reward="tea")),
    ("voucher_used", None, "order"): ("rewards", more("discount")),
    ("voucher_reversal", "voucher_reversal"): ("rewards", says(merchant="mrc_other")),
    ("benefit_use", "benefit_use"): ("benefits", grants(left=2)),
    ("use_reversal", "use_reversal"): ("benefits", says(merchant="mrc_other")),
    ("issuance", "event", "schedule"): ("awards", facts(subject="week/2026-W01")),
    ("issuance", "issuance", "day"): ("manual", more_points(10)),
    ("redemption", "redemption", "least"): ("rewards", spends_a_point_less),
    ("reversal", "reversal", "referral"): ("reversals", more("asked", -1)),
    ("voucher_expired", None): ("rewards", says(on_expiry="lose")),
    ("restoration", "restoration", "refund"): ("restorations", says(refund="ref_other")),
}
"""What a leaf of the kind says that is not so, and the check that names it."""
IN_WORDS: Mapping[Key, str] = {
    ("redemption", "redemption", "renewal"): "a renewal used more points than its bill was",
    ("adjustment", "adjustment", "import"): "the reason of an import is another",
    ("delivery", "delivery"): "the return window of a delivery ends at another time",
    ("award_lapsed", "lapse"): "the points that lapse",
    ("issuance", "purchase", "delivery"): "an award is issued before it is due",
    ("voucher_used", None, "order"): "what came off the order",
    ("voucher_reversal", "voucher_reversal"): "the use of a voucher that is undone is another",
    ("benefit_use", "benefit_use"): "what grants the benefit lounge, and what is left of it",
    ("use_reversal", "use_reversal"): "the merchant that takes a use back",
    ("issuance", "event", "schedule"): "the rules give another award",
    ("issuance", "issuance", "day"): "an issuance by hand exceeds what a member may get in a day",
    ("donation", "donation", "least"): "points were given against donations.min_points",
    ("donation", "donation", "cause"): "the public name of the cause is another",
    ("donation", "donation", "reward"): "the reward coffee gives to no cause by the rules",
    ("redemption", "redemption", "least"): "points were spent against redemption.min_points",
    ("restoration", "restoration", "refund"): "points come back for a refund that does not give them",
    ("reversal", "reversal", "referral"): "what an event keeps when it is taken back",
}
"""Where a check looks at several things: which of them it names."""
TELL_NOTHING: Mapping[Key, str] = {
    ("frozen", None): "moves nothing and promises nothing: only leaving it out is a lie",
    ("unfrozen", None): "the same",
}
ON_THE_CHAIN: Mapping[Key, str] = {
    ("move", "move"): "test_points_that_come_back_to_somebody_else",
    ("void", None): "test_a_void_of_an_applied_entry_is_named",
    ("signed_redemption", "redemption"): "test_the_price_of_rules_that_are_over",
    ("leaving", None): "test_a_whole_way_out_and_back_is_replayed",
    ("left", None): "test_an_address_that_was_left_holds_points_again_only_in_custody",
    ("returned", None): "test_what_is_given_back_in_place_is_in_custody_again",
    ("stays", None): "test_a_whole_way_out_and_back_is_replayed",
    ("stays_away", None): "test_a_whole_way_out_and_back_is_replayed",
}
"""Kinds that follow what happened on the chain, with the test that has such a chain."""
BEHIND_A_FREEZE: Key = ("unfrozen", None)
"""Leaves of a frozen account may wait: nobody can tell whether this one is kept back."""
TOLD_BY_THE_OTHER: Key = ("merged", "merge")
"""The last leaf of its account: that it is missing is seen where the points arrive."""


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES)


def key_of(leaf: Settling) -> Key:
    """As the auditor looks it up."""
    kind, own = leaf.detail["kind"], leaf.detail.get("operation")
    return (kind, own) if (kind, own) in CHECKS else (kind, None)


def settle_with(made: OpenedProgramme, changes: Mapping[Key, Callable[[Settling], Settling | None]]) -> dict[str, Key]:
    """Settles the whole history; of each kind's member the first leaf of that kind is changed, or left out. Kinds by account."""
    members = {member: key for key, member in histories(made.town).items()}
    for cause in list_causes(made.town.context):
        made.chain.admin("registerParty", cause.party, cause.name, 0, 0)
    accounts: dict[str, Key] = {}

    def bend(found: list[Settling]) -> list[Settling]:
        bent: list[Settling] = []
        for leaf in found:
            key = members.get(leaf.member_id)
            changed: Settling | None = leaf
            if key is not None and key in changes and key[:2] == key_of(leaf) and leaf.account not in accounts:
                accounts[leaf.account] = key
                changed = changes[key](leaf)
            bent += [] if changed is None else [changed]
        return bent

    made.bend = bend
    made.settle()
    return accounts


def named(made: OpenedProgramme, report: AuditReport, accounts: Mapping[str, Key]) -> dict[Key, set[str]]:
    """The checks with a finding at a leaf of each kind's account, and what they say there."""
    at = {
        (filed.leaf.seq, filed.leaf.index): accounts.get(filed.leaf.account)
        for batch in made.chain.batches
        for filed in batch.leaves
    }
    found: dict[Key, set[str]] = {}
    for result in report.checks:
        for one in result.findings:
            key = at.get((one.seq or 0, -1 if one.index is None else one.index))
            if key is not None:
                found.setdefault(key, set()).update((result.name, one.detail))
    return found


def test_every_kind_of_entry_and_fact_stands_in_the_table() -> None:
    assert {key[:2] for key in LIES.keys() | TELL_NOTHING.keys() | ON_THE_CHAIN.keys()} == CHECKS.keys()
    told = set(
        re.findall(
            r"^def (test_\w+)", "".join(one.read_text() for one in Path(__file__).parent.glob("test_*.py")), re.M
        )
    )
    assert set(ON_THE_CHAIN.values()) <= told


def test_the_history_with_every_kind_is_found_right(made: OpenedProgramme) -> None:
    accounts = settle_with(made, {key: lambda leaf: leaf for key in LIES.keys() | TELL_NOTHING.keys()})
    assert set(accounts.values()) == LIES.keys() | TELL_NOTHING.keys(), "each kind occurs"
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def test_a_lie_about_each_kind_is_named_by_its_check(made: OpenedProgramme) -> None:
    accounts = settle_with(made, {key: change for key, (_, change) in LIES.items()})
    found = named(made, made.audit(), accounts)
    missed = {key: found.get(key) for key, (check, _) in LIES.items() if check not in found.get(key, set())}
    assert not missed
    unsaid = {key: found[key] for key, words in IN_WORDS.items() if not any(words in one for one in found[key])}
    assert not unsaid


def test_a_leaf_of_any_kind_that_is_kept_back_is_named(made: OpenedProgramme) -> None:
    accounts = settle_with(made, dict.fromkeys(LIES.keys() | TELL_NOTHING.keys(), lambda _: None))
    report = made.audit()
    found = {key for key, checks in named(made, report, accounts).items() if "history" in checks}
    assert found == (LIES.keys() | TELL_NOTHING.keys()) - {BEHIND_A_FREEZE, TOLD_BY_THE_OTHER}
    told = [one.detail for one in findings(report, "history")]
    assert any("becomes part of this account" in detail for detail in told)
