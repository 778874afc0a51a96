"""Conditions: bounded before they are trusted, true or false on every purchase, and never a way to hurt the process."""

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.program import conditions
from token_service.program.basket import condition_facts, whole
from token_service.program.conditions import FACTS, SAMPLES, ConditionRefused, check_condition, holds
from token_service.program.facts import PurchaseFacts

from .baskets import CONDITIONS, item, purchase, purchases

GOOD = [
    "true",
    "order.total >= 5000",
    'order.channel == "store" && visit.number % 10 == 0',
    'order.items.exists(i, i.category == "PRODUCE" && i.amount >= 500)',
    "order.items.all(line, line.quantity < 100)",
    "order.items.exists_one(i, i.sku == 'A')",
    "size(order.items) > 2 && order.items[2].amount > 0",
    '"GROCERY" in order.categories',
    "member.tier in ['gold', 'silver']",
    'order.channel != null && order.channel.startsWith("web")',
    'order.currency.matches("^E[A-Z]{2}$")',
    "visit.weekday in [6, 7] && visit.hour >= 8 && visit.hour < 12",
    "(order.total - order.shipping) / 2 > 100 ? member.age_days <= 30 : false",
    "order.total > -1",
    "order . total>1",
    "order.total" + "+1" * 230 + " > 3",
    "true" + "&&true" * 80,
    "'épicerie' in order.categories",
]

HOSTILE = {
    "too long": "true" + " " * 500 + "|| true",
    "deep parentheses": "(" * 200 + "true" + ")" * 200,
    "deep lists": "[" * 200 + "]" * 200,
    "a chain of not": "!" * 300 + "true",
    "a chain of minus": "-" * 300 + "1 == 1",
    "a chain of choices": "true ? " * 30 + "true" + " : true" * 30,
    "a long chain of members": "order" + ".items" * 80,
    "nested macros": "order.items.exists(i, order.items.exists(j, true))",
    "a macro hidden by spaces": "order.items . exists (i, order.items . all (j, true))",
    "two macros side by side": "order.items.exists(i, true) && order.items.all(i, true)",
    "map": "order.items.map(i, i.amount) == []",
    "filter": "size(order.items.filter(i, true)) > 1",
    "string doubling": "('a' + 'a') + ('a' + 'a') == 'aaaa' && order.items.map(i, i.sku + i.sku) == []",
    "a comment": "order.total > 1 // really",
    "a fraction": "order.total > 20.5",
    "an exponent": "order.total > 1e3",
    "a hexadecimal number": "order.total > 0xFF",
    "an unsigned number": "order.total > 1u",
    "2^63": "order.total < 9223372036854775808",
    "2^53": "order.total < 9007199254740992",
    "an overflow": "order.total * 9007199254740991 * 9007199254740991 > 1",
    "a division by zero": "100 / order.total > 1",
    "a modulo by zero": "100 % order.tax > 1",
    "a timestamp": "timestamp('2026-01-01T00:00:00Z') < timestamp('2027-01-01T00:00:00Z')",
    "a duration": "duration('1h') > duration('1s')",
    "a conversion": "int('1') == order.total",
    "has": "has(order.total)",
    "bytes": "b'a' == b'b'",
    "a raw string": "r'a' == 'b'",
    "a triple string": "'''a''' == 'b'",
    "an escape": '"\\u0041" == order.currency',
    "a map": "{'a': 1}.a == 1",
    "a message": "A{a: 1} == 1",
    "a backtick": "order.`total` == 1",
    "an optional": "order.?total == 1",
    "an unknown fact": "order.totl > 1",
    "an unknown root": "basket.total > 1",
    "a whole root": "order == order",
    "a root by index": "order['total'] > 1",
    "a private name": "member.__class__ == 1",
    "another root's fact": "member.total > 1",
    "a variable without its macro": "i.amount > 1",
    "a macro over a root's name": "order.items.exists(order, true)",
    "not a boolean": "order.total",
    "a boolean sometimes": "order.total > 1 ? true : 1",
    "a type mix": "order.total + 'a' == 'b'",
    "a text function on null": 'order.channel.startsWith("s")',
    "past the end": "order.items[0].amount > 1",
    "nothing": "",
    "spaces": "   ",
    "half a condition": "order.total >",
    "an unclosed macro": "order.items.exists(",
    "a zero byte": "order.total > 1\x00",
    "a semicolon": "true; true",
    "a lone surrogate": "order.currency == '\ud800'",
}


@pytest.mark.parametrize("text", GOOD)
def test_it_accepts_conditions_over_documented_facts(text: str) -> None:
    check_condition(text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_it_refuses(text: str) -> None:
    with pytest.raises(ConditionRefused):
        check_condition(text)
    assert holds(text, SAMPLES[1][1]) in (True, False)


def test_the_refusal_says_which_fact_is_unknown() -> None:
    with pytest.raises(ConditionRefused, match=r"reads order\.totl, which is not a documented fact"):
        check_condition("order.totl > 1")


def test_a_condition_that_cannot_be_decided_does_not_hold() -> None:
    assert not holds("100 / order.total > 1", condition_facts(whole(purchase(0))))
    assert not holds("order.total", condition_facts(whole(purchase(100))))


def test_a_panic_of_the_library_is_a_refusal_and_an_interrupt_is_not() -> None:
    class PanicException(BaseException):
        """Named like pyo3's, which is no Exception."""

    def panic() -> None:
        raise PanicException

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(ConditionRefused):
        conditions._guarded(panic, "is not a condition")
    with pytest.raises(KeyboardInterrupt):
        conditions._guarded(interrupt, "is not a condition")


def test_texts_are_compiled_once() -> None:
    assert conditions.compiled("order.total > 4") is conditions.compiled("order.total > 4")


@given(st.text("order.itmsvquany()[]!&|<>=+-*/%?:,'\"0123456789 ", max_size=80))
def test_any_text_is_judged_without_harm(text: str) -> None:
    with suppress(ConditionRefused):
        check_condition(text)
    assert holds(text, SAMPLES[0][1]) in (True, False)


@given(purchases(), CONDITIONS.filter(bool))
def test_every_accepted_condition_is_true_or_false_on_every_purchase(facts: PurchaseFacts, text: str) -> None:
    check_condition(text)
    assert type(conditions.compiled(text).execute(condition_facts(whole(facts)))) is bool


@given(purchases())
def test_conditions_see_exactly_the_documented_facts(facts: PurchaseFacts) -> None:
    for variables in (condition_facts(whole(facts)), *(sample for _, sample in SAMPLES)):
        names = {f"{root}.{name}" for root, values in variables.items() for name in values}
        assert names == FACTS.keys()
        for line in variables["order"]["items"]:
            assert line.keys() == conditions.ITEM_FACTS


def test_documented_types_are_the_real_ones() -> None:
    variables = condition_facts(
        whole(purchase(items=(item(1, 5, sku="A", category="B"),), channel="web", store="1", tier="gold"))
    )
    for name, (kind, _) in FACTS.items():
        root, fact = name.split(".")
        expected = {"int": int, "string": str}.get(kind.removesuffix(" or null"), list)
        assert type(variables[root][fact]) is expected, name


def test_conditions_can_be_judged_in_a_process_of_their_own() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "token_service.program.cel_check"],
        input=json.dumps(["order.total > 1", HOSTILE["deep parentheses"]]),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert json.loads(answer.stdout) == [None, "is nested more than 12 deep"]
