"""Ruleset documents: one canonical form and hash, every mistake named with its place."""

import json
from typing import Any

import pytest
import rfc8785
import yaml
from hypothesis import given
from pydantic import ValidationError

from token_service.errors import InvalidInput, Place
from token_service.program.ruleset import (
    Ruleset,
    canonical_json,
    check_ruleset,
    default_ruleset_text,
    parse_ruleset,
    ruleset_hash,
)

from .baskets import BASE, PROGRAM, ruleset_of, rulesets

FULL = {
    "ruleset": 1,
    "program": {**PROGRAM, "point_value": {"points": 100, "amount": 1000}},
    "earning": [BASE, {"id": "fresh", "kind": "item", "points": 1, "per": 100, "categories": ["PRODUCE"]}],
    "campaigns": [
        {
            "id": "tenth",
            "from": "2026-01-01",
            "until": "2026-12-31",
            "when": "visit.number % 10 == 0",
            "award": {"points": 50},
        },
        {"id": "double", "award": {"multiplier_percent": 200}},
    ],
    "multipliers": {"basis": "earning", "rounding": "floor"},
    "tiers": {
        "qualify_by": "spend",
        "window": {"kind": "rolling", "period": "P12M"},
        "downgrade": {"after": "window", "grace": "P30D", "steps": 1},
        "levels": [
            {"id": "bronze", "from": 0, "name": {"fr": "Bronze", "en": "Bronze"}},
            {"id": "gold", "from": 100000, "multiplier_percent": 150, "benefits": ["free-shipping"]},
        ],
    },
    "expiry": {"kind": "fixed", "period": "P12M", "round_to": "month_end"},
    "return_window": "P14D",
    "limits": {"per_order_points": 5000, "per_member_day_points": 10000, "manual_issuance_points": 500},
    "accept_late": "P7D",
    "restoration_grace": "P30D",
    "rewards": [{"id": "coffee", "kind": "gift", "points": 100, "name": {"fr": "Café", "en": "Coffee"}}],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """FULL with another value at a JSON pointer; `...` removes the key."""
    document = json.loads(json.dumps(FULL))
    *parents, last = [int(step) if step.isdigit() else step for step in path.strip("/").split("/")]
    here = document
    for step in parents:
        here = here[step]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return document


def places_of(document: dict[str, Any]) -> tuple[Place, ...]:
    with pytest.raises(InvalidInput) as refused:
        parse_ruleset(json.dumps(document))
    return refused.value.places


def test_the_full_document_is_accepted_and_consistent() -> None:
    assert check_ruleset(parse_ruleset(json.dumps(FULL))) == []


def test_yaml_and_json_of_one_content_have_one_hash() -> None:
    from_json = canonical_json(parse_ruleset(json.dumps(FULL)))
    from_yaml = canonical_json(parse_ruleset(yaml.safe_dump(FULL, allow_unicode=True)))
    assert from_json == from_yaml == rfc8785.dumps(FULL).decode()
    assert ruleset_hash(from_json) == ruleset_hash(from_yaml)


def test_the_default_ruleset_has_its_hash_for_ever() -> None:
    canonical = canonical_json(parse_ruleset(default_ruleset_text()))
    assert canonical == (
        '{"earning":[{"basis":"gross","id":"base","kind":"spend","per":100,"points":1,"rounding":"floor"}],'
        '"program":{"currency":"EUR","name":"Méreau","time_zone":"Europe/Paris"},"ruleset":1}'
    )
    assert ruleset_hash(canonical) == "0xb8ed05a9b3973df622659709209b90f57a2e97710335c079028d6097961c0229"
    assert check_ruleset(parse_ruleset(default_ruleset_text())) == []


def test_the_default_ruleset_takes_any_name() -> None:
    name = 'L\'épicerie "du coin": #1'
    assert parse_ruleset(default_ruleset_text(name, "CHF", "Europe/Zurich")).program.name == name


@given(rulesets())
def test_the_canonical_form_reads_back_to_itself(ruleset: Ruleset) -> None:
    canonical = canonical_json(ruleset)
    assert canonical_json(parse_ruleset(canonical)) == canonical
    assert parse_ruleset(canonical) == ruleset
    assert parse_ruleset(yaml.safe_dump(json.loads(canonical))) == ruleset


def test_a_ruleset_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ruleset_of().program.name = "Other"


MISTAKES = [
    ("/ruleset", 2, "/ruleset", "must be 1"),
    ("/ruleset", ..., "/ruleset", "is missing"),
    ("/surprise", 1, "/surprise", "is not a key that a ruleset of version 1 has here"),
    ("/program/currency", "eur", "/program/currency", "must match"),
    ("/program/time_zone", "Paris", "/program/time_zone", "must be an IANA time zone"),
    ("/program/time_zone", "localtime", "/program/time_zone", "must be an IANA time zone"),
    ("/program/time_zone", "right/UTC", "/program/time_zone", "must be an IANA time zone"),
    ("/program/time_zone", "../../etc/passwd", "/program/time_zone", "must be an IANA time zone"),
    ("/program/name", "", "/program/name", "at least 1 character"),
    ("/program/point_value/points", 0, "/program/point_value/points", "greater than or equal to 1"),
    ("/earning/0/kind", "visits", "/earning/0", "must have one of the kinds 'spend', 'item'"),
    ("/earning/0/kind", ..., "/earning/0", "must have a kind"),
    ("/earning/0/points", 1.5, "/earning/0/points", "integer"),
    ("/earning/0/points", "1", "/earning/0/points", "integer"),
    ("/earning/0/points", True, "/earning/0/points", "integer"),
    ("/earning/0/points", -1, "/earning/0/points", "greater than or equal to 1"),
    ("/earning/0/points", 2**53, "/earning/0/points", "less than or equal to"),
    ("/earning/0/per", 0, "/earning/0/per", "greater than or equal to 1"),
    ("/earning/0/basis", "brutto", "/earning/0/basis", "must be 'gross', 'net' or 'goods'"),
    ("/earning/0/rounding", "up", "/earning/0/rounding", "must be 'floor'"),
    ("/earning/0/categories", ["A"], "/earning/0/categories", "is not a key"),
    ("/earning/0/id", "Base Rule", "/earning/0/id", "must match"),
    ("/campaigns/0/from", "2026-02-30", "/campaigns/0/from", "date"),
    ("/campaigns/0/from", 20260101, "/campaigns/0/from", "date"),
    ("/campaigns/0/until", "2026-12-31T00:00:00Z", "/campaigns/0/until", "date"),
    ("/campaigns/0/award", {}, "/campaigns/0/award", "must have points, multiplier_percent, benefit, voucher or badge"),
    (
        "/campaigns/0/award",
        {"stamp": "coffee"},
        "/campaigns/0/award",
        "must have points, multiplier_percent, benefit, voucher or badge",
    ),
    (
        "/campaigns/0/award",
        {"points": 1, "multiplier_percent": 200},
        "/campaigns/0/award/multiplier_percent",
        "is not a key",
    ),
    ("/campaigns/0/award/points", 0, "/campaigns/0/award/points", "greater than or equal to 1"),
    (
        "/campaigns/1/award/multiplier_percent",
        99,
        "/campaigns/1/award/multiplier_percent",
        "greater than or equal to 100",
    ),
    ("/campaigns/0/limits", {"budget": 5}, "/campaigns/0/limits/budget", "is not a key"),
    ("/campaigns/0/limits", {"budget_points": 0}, "/campaigns/0/limits/budget_points", "greater than or equal to 1"),
    ("/campaigns/0/limits", {"per_member": {"every": "P1D"}}, "/campaigns/0/limits/per_member/times", "is missing"),
    (
        "/campaigns/0/limits",
        {"per_member": {"times": 1, "every": "a day"}},
        "/campaigns/0/limits/per_member/every",
        "duration",
    ),
    ("/campaigns/0/when", "x" * 501, "/campaigns/0/when", "at most 500 characters"),
    ("/tiers/window/period", ..., "/tiers/window/period", "is missing"),
    ("/tiers/window/kind", "weekly", "/tiers/window", "must have one of the kinds"),
    ("/tiers/levels/0/from", -1, "/tiers/levels/0/from", "greater than or equal to 0"),
    ("/tiers/levels/0/name", {"de": "Bronze"}, "/tiers/levels/0/name", "'fr' or 'en'"),
    ("/tiers/downgrade/steps", 0, "/tiers/downgrade/steps", "greater than or equal to 1"),
    ("/expiry", {"kind": "fixed"}, "/expiry/period", "is missing"),
    ("/expiry/period", "12 months", "/expiry/period", "ISO 8601"),
    ("/expiry/period", "P0D", "/expiry/period", "longer than nothing"),
    ("/expiry/period", "P200Y", "/expiry/period", "100 years"),
    ("/visits", {"window": "4 hours"}, "/visits/window", "must be `day`, or an ISO 8601 duration such as PT4H"),
    ("/visits", {"refunded": "leave"}, "/visits/refunded", "must be 'forget' or 'count'"),
    ("/return_window", 14, "/return_window", "string"),
    ("/limits/per_order_points", 0, "/limits/per_order_points", "greater than or equal to 1"),
    ("/rewards/0/kind", "car", "/rewards/0/kind", "must be 'discount'"),
]


@pytest.mark.parametrize(("path", "value", "pointer", "detail"), MISTAKES, ids=lambda part: str(part)[:40])
def test_a_mistake_is_named_with_its_place(path: str, value: object, pointer: str, detail: str) -> None:
    places = places_of(changed(path, value))
    assert [place for place in places if place.pointer.startswith(pointer) and detail in place.detail], places


def test_mistakes_are_told_all_at_once_and_without_echo() -> None:
    document = changed("/earning/0/points", "secret-value")
    document["earning"][0]["basis"] = "secret-basis"
    document["tiers"]["window"]["kind"] = "secret-kind"
    places = places_of(document)
    assert {place.pointer for place in places} == {"/earning/0/points", "/earning/0/basis", "/tiers/window"}
    assert "secret" not in str(places)


@pytest.mark.parametrize("text", ["", "null", "[]", "1", "just a text", "- a\n- b"])
def test_a_document_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_ruleset(text)


def test_a_pointer_escapes_what_rfc_6901_says() -> None:
    assert places_of(changed("/program", {**PROGRAM, "a/b~c": 1})) == (
        Place("/program/a~1b~0c", "is not a key that a ruleset of version 1 has here"),
    )


CONTRADICTIONS = [
    ("/earning/1/id", "base", "/earning/1/id"),
    ("/campaigns/0/id", "base", "/campaigns/0/id"),
    ("/campaigns/1/id", "tenth", "/campaigns/1/id"),
    ("/earning/1/per_quantity", 1, "/earning/1"),
    ("/earning/1/per", ..., "/earning/1"),
    ("/earning/1/categories", [], "/earning/1"),
    (
        "/earning/1",
        {"id": "n", "kind": "item", "points": 1, "per_quantity": 1, "skus": ["A"], "basis": "net"},
        "/earning/1/basis",
    ),
    ("/campaigns/0/until", "2025-12-31", "/campaigns/0/until"),
    ("/campaigns/0/when", "order.totl > 1", "/campaigns/0/when"),
    ("/campaigns/0/when", "order.total", "/campaigns/0/when"),
    ("/campaigns/0/when", "(" * 200 + "true" + ")" * 200, "/campaigns/0/when"),
    ("/tiers/levels/1/from", 0, "/tiers/levels/1/from"),
    ("/tiers/levels/1/id", "bronze", "/tiers/levels/1/id"),
    ("/benefits", [{"id": "sauna", "name": {"en": "Sauna"}}], "/benefits/0/id"),
    ("/tiers/levels/1/benefits", ["vip", "vip"], "/tiers/levels/1/benefits"),
    ("/tiers/window", {"kind": "lifetime"}, "/tiers/downgrade"),
    ("/tiers/downgrade", {"after": "never", "grace": "P1D"}, "/tiers/downgrade/grace"),
    ("/tiers/downgrade", {"after": "window", "steps": 1}, "/tiers/downgrade/steps"),
    ("/limits/per_order_points", 10001, "/limits/per_order_points"),
    ("/schedules", [{"id": "tenth", "every": "month", "points": 5}], "/schedules/0/id"),
    ("/schedules", [{"id": "a", "every": "month", "points": 5, "when": "order.total > 5"}], "/schedules/0/when"),
    ("/schedules", [{"id": "a", "every": "month", "points": 5, "when": "member.tier"}], "/schedules/0/when"),
    ("/schedules", [{"id": "a", "every": "week", "points": 5, "limits": {}}], "/schedules/0/limits"),
    (
        "/schedules",
        [{"id": "a", "every": "month", "points": 5, "from": "2026-03-02", "until": "2026-03-20"}],
        "/schedules/0/until",
    ),
    (
        "/schedules",
        [{"id": "a", "every": "week", "points": 5, "from": "2026-03-02", "until": "2026-03-01"}],
        "/schedules/0/until",
    ),
    ("/rewards", [FULL["rewards"][0], FULL["rewards"][0]], "/rewards/1/id"),  # type: ignore[index]
]


def test_rules_that_give_nothing_are_refused_and_benefits_alone_are_something() -> None:
    """ "Points programme, paid membership, exclusive benefits: the three kinds that the brief names, alone or together" """
    bare = {"ruleset": 1, "program": PROGRAM}
    assert [place.pointer for place in check_ruleset(parse_ruleset(json.dumps(bare)))] == ["/earning"]
    assert check_ruleset(parse_ruleset(json.dumps(bare | {"tiers": FULL["tiers"]}))) == []
    paid = [{"id": "club", "price": 100, "period": "P1M"}]
    assert check_ruleset(parse_ruleset(json.dumps(bare | {"memberships": paid}))) == []
    by_calendar = [{"id": "monthly", "every": "month", "points": 5}]
    assert check_ruleset(parse_ruleset(json.dumps(bare | {"schedules": by_calendar}))) == []


def test_an_order_may_earn_as_much_as_a_day() -> None:
    assert check_ruleset(parse_ruleset(json.dumps(changed("/limits/per_order_points", 10000)))) == []


@pytest.mark.parametrize(("path", "value", "pointer"), CONTRADICTIONS, ids=lambda part: str(part)[:40])
def test_a_contradiction_is_named_with_its_place(path: str, value: object, pointer: str) -> None:
    assert [place.pointer for place in check_ruleset(parse_ruleset(json.dumps(changed(path, value))))] == [pointer]
