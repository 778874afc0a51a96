"""Conditions of campaigns: CEL, bounded before it is trusted (DESIGN §3a, reference/recipes.md §9).

The CEL library has no types, no time limit and can end the process on deep input. So a text first passes a tokenizer of
our own (length, nesting, whole numbers only, one macro, documented names), then is compiled, its functions are compared
with a list, and it must give a boolean on each of the sample facts. conditions_apart.py has the same done in a process of its
own, for `mereau ruleset check` and the console.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from types import ModuleType
from typing import Any, Final

sys.modules.setdefault(
    "cel.cli", ModuleType("cel.cli")
)  # else its command line and what that draws with are imported too
import cel  # noqa: E402

CONDITION_CHARACTERS_MAX: Final = 500
NESTING_MAX: Final = 12
WHOLE_NUMBER_MAX: Final = 2**53 - 1

FACTS: Final[Mapping[str, tuple[str, str]]] = {
    "order.total": ("int", "what was paid, tax included, after discounts, without what points paid; minor units"),
    "order.tax": ("int", "the tax in it"),
    "order.shipping": ("int", "the shipping in it"),
    "order.discount": ("int", "the discount on the whole order"),
    "order.paid_with_points": ("int", "what points paid, in money; not part of the total"),
    "order.currency": ("string", "ISO 4217 code"),
    "order.channel": ("string or null", "where it was bought, as the merchant says: store, web …"),
    "order.store": ("string or null", "the merchant's id of the store"),
    "order.merchant": ("string", "id of the merchant"),
    "order.quantity": ("int", "pieces in all lines"),
    "order.skus": ("list of string", "the SKUs bought, each once, sorted"),
    "order.categories": ("list of string", "the categories bought, each once, sorted"),
    "order.items": ("list of item", "the lines: sku, category (string or null), quantity, amount, discount, tax (int)"),
    "member.tier": ("string or null", "id of the member's level just before the purchase"),
    "member.memberships": ("list of string", "the paid memberships that the member holds, sorted"),
    "member.segments": (
        "list of string",
        "the segments that the member is in, of those that the rules declare, sorted",
    ),
    "member.age_days": ("int", "days since the member joined"),
    "member.purchases": ("int", "purchases recorded earlier for this member"),
    "visit.number": ("int", "which visit of the member this is, from 1"),
    "visit.receipt": ("int", "which purchase of this visit it is, from 1"),
    "visit.date": ("string", "local date, 2026-11-22"),
    "visit.year": ("int", "local year"),
    "visit.month": ("int", "local month, 1 to 12"),
    "visit.day": ("int", "local day of the month, 1 to 31"),
    "visit.hour": ("int", "local hour, 0 to 23"),
    "visit.minute": ("int", "local minute, 0 to 59"),
    "visit.weekday": ("int", "local weekday, 1 is Monday, 7 is Sunday"),
}
"""Every fact that a condition may read: its type and its meaning."""

PURCHASE_VISIT: Final = ("visit.number", "visit.receipt")
"""What `visit` says of a purchase; the rest of it is the time."""
ITEM_FACTS: Final = frozenset({"sku", "category", "quantity", "amount", "discount", "tax"})
FUNCTIONS: Final = ("size", "startsWith", "endsWith", "contains", "matches")
MACROS: Final = ("exists", "all", "exists_one")

_COMPILED_FUNCTIONS: Final = frozenset(
    {"_&&_", "_||_", "!_", "_?_:_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_[_]", "@not_strictly_false"}
    | {"_+_", "_-_", "_*_", "_/_", "_%_", "-_", *FUNCTIONS}
)
_ROOTS: Final = {
    root: {name.split(".")[1] for name in FACTS if name.startswith(f"{root}.")} for root in ("order", "member", "visit")
}
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<string>"[^"\\\r\n]*"|'[^'\\\r\n]*')|(?P<number>[0-9][A-Za-z0-9_.]*)"""
    r"""|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]]))""",
    re.ASCII,
)
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ORDER_FIGURES: Final = ("total", "tax", "shipping", "discount", "paid_with_points", "quantity")
_RESERVED: Final = frozenset({"true", "false", "null", "in"})

_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (ZeroDivisionError, "it divides by zero"),
    (OverflowError, "its figures become too large"),
    (TypeError, "it combines values of different types"),
    (KeyError, "it reads a fact that is not there"),
    (RuntimeError, "it calls a function on a value that may be null"),
    (IndexError, "it reads past the end of a list"),
)

Token = tuple[str, str]


class ConditionRefused(ValueError):
    """The condition is not one that a ruleset may have; the sentence says why."""


def check_condition(text: str) -> None:
    """Raises ConditionRefused unless `text` is bounded, reads documented facts only and gives a boolean on every sample."""
    program = compiled(text)
    for label, sample in SAMPLES:
        answer = _guarded(partial(program.execute, sample), f"cannot be decided for {label}")
        if type(answer) is not bool:
            raise ConditionRefused(f"must give true or false, not {type(answer).__name__} (for {label})")


def facts_read(text: str) -> tuple[str, ...]:
    """The facts that a condition names, such as "order.total", in their order; nothing is compiled. Raises ConditionRefused for a
    text that is too long or has what conditions don't know.
    """
    words = _tokens(text)
    return tuple(
        f"{root}.{fact}"
        for (before, (kind, root), dot, (_, fact)) in zip([("", ""), *words], words, words[1:], words[2:], strict=False)
        if kind == "name" and root in _ROOTS and dot[1] == "." and before[1] != "."
    )


def check_member_condition(text: str) -> None:
    """Of a condition that is asked where nothing was bought. Raises ConditionRefused if it reads more than the member."""
    for kind, word in _tokens(text):
        if kind == "name" and word in _ROOTS and word != "member":
            raise ConditionRefused(f"reads {word}, and nothing was bought: it may only read facts of the member")


def prepared(variables: Mapping[str, Mapping[str, Any]], texts: tuple[str, ...]) -> Any:
    """The facts that these conditions name, as the library keeps them: taking in a basket of ten lines costs a hundred times what
    deciding a condition does, so it is done once for all of them, and not for facts that none reads.
    """
    names = _names_in(texts)
    chosen = {
        root: {name: value for name, value in facts.items() if name in names} for root, facts in variables.items()
    }
    return cel.Context(variables=chosen)


@lru_cache(maxsize=256)
def _names_in(texts: tuple[str, ...]) -> frozenset[str]:
    """Every word of these conditions: all facts that they read, and more."""
    return frozenset(word for text in texts for word in _WORD.findall(text))


def holds(text: str, facts: Any) -> bool:
    """Whether the condition holds on `prepared` facts. One that cannot be decided (a division by zero, say) does not hold."""
    try:
        return _guarded(lambda: compiled(text).execute(facts), "cannot be decided") is True
    except ConditionRefused:
        return False


@lru_cache(maxsize=1024)
def compiled(text: str) -> Any:
    """The compiled condition, kept by its text. Raises ConditionRefused when it has a mistake or breaks a bound."""
    tokens = _tokens(text)
    _check_shape(tokens)
    _check_names(tokens)
    program = _guarded(lambda: cel.compile(text), "is not a condition in CEL")
    unknown = set(program.functions()) - _COMPILED_FUNCTIONS
    if unknown:
        raise ConditionRefused(f"uses {sorted(unknown)[0]}, which is not one of the documented functions")
    return program


def _guarded(action: Callable[[], Any], refusal: str) -> Any:
    """What `action` answers. Whatever the CEL library raises becomes ConditionRefused: its panics are no `Exception`."""
    try:
        return action()
    except Exception as error:
        raise ConditionRefused(f"{refusal}: {_reason(error)}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise ConditionRefused(refusal) from error


def _reason(error: Exception) -> str:
    """A short word for the library's error, without its drawing of the input."""
    return next((word for kind, word in _REASONS if isinstance(error, kind)), "it has a mistake")


def _tokens(text: str) -> list[Token]:
    if len(text) > CONDITION_CHARACTERS_MAX:
        raise ConditionRefused(f"is longer than {CONDITION_CHARACTERS_MAX} characters")
    tokens, at, text = [], 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or (found.group().endswith("/") and text.startswith("/", found.end())):
            raise ConditionRefused("has a character, a string or a comment that conditions do not know")
        tokens.append((str(found.lastgroup), found.group(str(found.lastgroup))))
        at = found.end()
    return tokens


def _check_shape(tokens: list[Token]) -> None:
    """Nesting, numbers and macros within their bounds."""
    depth = run = 0
    for kind, word in tokens:
        depth += (word in ("(", "[")) - (word in (")", "]")) if kind == "sign" else 0
        run = run + 1 if kind == "sign" and word in ("!", "-", "?") else 0
        if depth > NESTING_MAX or run > NESTING_MAX:
            raise ConditionRefused(f"is nested more than {NESTING_MAX} deep")
        if kind == "number" and (not word.isdigit() or int(word) > WHOLE_NUMBER_MAX):
            raise ConditionRefused("may only have whole numbers up to 2^53 − 1")
    macros = sum(kind == "name" and word in (*MACROS, "map", "filter") for kind, word in tokens)
    if macros > 1:
        raise ConditionRefused("may use at most one of " + ", ".join(MACROS))


def _check_names(tokens: list[Token]) -> None:
    """Every name is a documented fact, a function, or the variable of the one macro."""
    bound = _macro_variable(tokens)
    padded = [("", ""), *tokens, ("", ""), ("", "")]
    for (before_kind, before), (kind, word), (_, after) in zip(padded, padded[1:], padded[2:], strict=False):
        if kind == "string" and (before_kind == "string" or (before_kind == "name" and before != "in")):
            raise ConditionRefused("may only have plain strings")
        if kind != "name" or word in _RESERVED:
            continue
        if after == "(":
            if word not in (*FUNCTIONS, *MACROS):
                raise ConditionRefused(f"uses {word}(), which is not one of the documented functions")
        elif before == ".":
            if word not in ITEM_FACTS and not any(word in names for names in _ROOTS.values()):
                raise ConditionRefused(f"reads .{word}, which is not a documented fact")
        elif word in _ROOTS:
            _check_fact(tokens, word)
        elif word != bound:
            raise ConditionRefused(f"reads {word}, which is not a documented fact")


def _check_fact(tokens: list[Token], root: str) -> None:
    """Each use of `root` reads one of its documented facts."""
    words = [word for _, word in tokens]
    for index, word in enumerate(words):
        if word == root and tokens[index][0] == "name" and (index == 0 or words[index - 1] != "."):
            fact = words[index + 2] if words[index + 1 : index + 2] == ["."] and index + 2 < len(words) else ""
            if fact not in _ROOTS[root]:
                raise ConditionRefused(f"reads {root}{'.' if fact else ''}{fact}, which is not a documented fact")


def _macro_variable(tokens: list[Token]) -> str | None:
    """The name that the macro binds: `i` in `order.items.exists(i, …)`."""
    for index, token in enumerate(tokens):
        if token[0] == "name" and token[1] in MACROS and tokens[index + 1 : index + 2] == [("sign", "(")]:
            name = tokens[index + 2 : index + 3]
            if not name or name[0][0] != "name" or name[0][1] in (*_ROOTS, *_RESERVED):
                raise ConditionRefused(f"{token[1]}() needs the name of a variable first")
            return name[0][1]
    return None


def _sample(*, order: Mapping[str, Any], tier: str | None, figures: int) -> dict[str, Any]:
    visit: dict[str, Any] = {name: max(1, figures) for name in _ROOTS["visit"]} | {"date": "2026-11-22", "year": 2026}
    return {
        "order": dict(order),
        "member": {
            "tier": tier,
            "age_days": figures,
            "purchases": figures,
            "memberships": [] if tier is None else ["club"],
            "segments": [] if tier is None else ["regulars"],
        },
        "visit": visit | {"hour": figures, "minute": figures},
    }


def _sample_order(*, figures: int, text: str | None, items: int) -> dict[str, Any]:
    line = {"sku": text, "category": text, "quantity": figures, "amount": figures, "discount": figures, "tax": figures}
    names = [text] if text is not None and items else []
    order: dict[str, Any] = dict.fromkeys(_ORDER_FIGURES, figures)
    order |= {"currency": "EUR", "merchant": "mrc_1", "channel": text, "store": text}
    return order | {"items": [dict(line) for _ in range(items)], "skus": names, "categories": names}


SAMPLES: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    (
        "a purchase with two lines",
        _sample(order=_sample_order(figures=7, text="store", items=2), tier="gold", figures=7),
    ),
    (
        "a purchase without lines, channel or tier",
        _sample(order=_sample_order(figures=0, text=None, items=0), tier=None, figures=0),
    ),
    (
        "a line without SKU or category",
        _sample(order=_sample_order(figures=0, text=None, items=1), tier=None, figures=1),
    ),
)
"""Typed sample facts on which every condition must give a boolean: all known, all unknown, and a bare line."""
