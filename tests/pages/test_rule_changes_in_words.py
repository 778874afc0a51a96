"""What new rules change, in plain words: every key's change is a sentence, in the console as in the command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from token_service.cli.ruleset_commands import ruleset
from token_service.errors import InvalidInput
from token_service.pages.outside import speaking
from token_service.pages.rule_changes import ChapterChange, changes_in_words
from token_service.program.ruleset import Ruleset, parse_ruleset
from token_service.units import POINTS_MAX

ROOT = Path(__file__).parents[2]
GOLDEN = sorted((ROOT / "tests/program/golden").glob("*.json"))
TABLE = (ROOT / "docs/rulesets.md").read_text().partition("## Every key")[2].partition("\n## ")[0]
KEYS = set(re.findall(r"^\| `([a-z_.]+)` \|", TABLE, re.MULTILINE)) - {"ruleset"}
"""Every key of the table in docs/rulesets.md; `ruleset` can only be 1."""
OWN_NAMES = ("name", "points_by_level", "early_days")
"""Maps whose keys are no keys of the schema."""
CHOICES = (
    *(("floor", "half_up", "ceil"), ("gross", "net", "goods"), ("earning", "earning_and_bonuses"), ("window", "never")),
    *(("points", "spend", "orders", "engagement"), ("month", "year", "week", "quarter"), ("none", "month_end")),
    *(("forget", "count"), ("reduce", "refuse"), ("discount", "gift", "experience"), ("give_back", "lose")),
    *(("once", "always"), ("subject", "person"), ("calendar_year", "lifetime"), ("lapse", "begin")),
)
MORE = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris}
limits: {publication_points: 1000}
"""


def others(value: Any) -> Iterator[Any]:
    """Values that might stand there instead."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1 if value < POINTS_MAX else value - 1, value + 100, value - 1)
    elif isinstance(value, str):
        yield from (one for choice in CHOICES if value in choice for one in choice if one != value)
        yield from ("2026-02-03", "P17D", "PT5H", "USD", "Europe/Berlin", "order.total > 77", "another-one")
    elif isinstance(value, list):
        yield value[1:]


def changed(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(the key, the document with another value there, or without it): every place of it."""
    if isinstance(document, list):
        for index, one in enumerate(document):
            for key, other in changed(one, path):
                yield key, [*document[:index], other, *document[index + 1 :]]
        return
    if not isinstance(document, dict):
        return
    for name, value in document.items():
        kind = value.get("kind") if isinstance(value, dict) else None
        key = f"{path}{name}"
        yield key, {one: document[one] for one in document if one != name}
        for other in others(value):
            yield key, document | {name: other}
        if value == {"badge": True}:
            yield f"{key}.badge", document | {name: {"points": 3}}
        if name in OWN_NAMES and isinstance(value, dict):
            yield key, document | {name: value | {next(iter(value)): 77 if name != "name" else "Tout autre"}}
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                kind = one.get("kind") if name in ("earning", "window", "count", "expiry") else None
                inner = f"{key}.{kind}." if kind else f"{key}."
                index = value.index(one) if isinstance(value, list) else None
                for below, other in changed(one, inner):
                    again = other if index is None else [*value[:index], other, *value[index + 1 :]]
                    yield below, document | {name: again}


def read(document: Any) -> Ruleset | None:
    try:
        return parse_ruleset(json.dumps(document))
    except InvalidInput:
        return None


def sentences(changes: tuple[ChapterChange, ...]) -> list[str]:
    return [said for one in changes for said in (*(line.text for line in (*one.gone, *one.new)), *one.said)]


def documents() -> list[Any]:
    found = [json.loads(path.read_text())["ruleset"] for path in GOLDEN]
    more = json.loads(json.dumps(parse_ruleset(MORE).model_dump(mode="json", by_alias=True, exclude_unset=True)))
    return [*found, more]


def test_every_keys_change_is_a_sentence_in_plain_words() -> None:
    """The issue: "versions, diff in plain words". Every change of every key of every golden document, both ways; the words
    never are the key's path alone.
    """
    told: set[str] = set()
    seen: set[tuple[str, str]] = set()
    with speaking("en"):
        for document in documents():
            old = read(document)
            assert old is not None
            for key, other in changed(deepcopy(document)):
                new = None if (key, str(other)[-80:]) in seen else read(other)
                if new is None:
                    continue
                seen.add((key, str(other)[-80:]))
                for some, more in ((old, new), (new, old)):
                    said = sentences(changes_in_words(some, more))
                    assert said, f"{key}: nothing is said"
                    assert not any(key in one.split() or " – " + key in one for one in said if "." in key), said
                told |= {key, *(key[: dot.start()] for dot in re.finditer(r"\.", key))}
    assert sorted(KEYS - told) == []


def run(folder: Path, old: str, new: str, *options: str) -> Result:
    for name, text in (("old.yaml", old), ("new.yaml", new)):
        (folder / name).write_text(text)
    return CliRunner().invoke(ruleset, ["diff", str(folder / "old.yaml"), str(folder / "new.yaml"), *options])


BASE = """
ruleset: 1
program: {name: M, currency: EUR, time_zone: Europe/Paris}
earning: [{id: base, kind: spend, points: 1, per: 100}, {id: bread, kind: item, points: 1, per: 100, categories: [bread]}]
campaigns: [{id: morning, name: {en: Morning, fr: Matin}, when: visit.hour < 10, award: {points: 5, per: 700}}]
"""
CHANGED = (
    BASE.replace("points: 1, per: 100}, {id: bread", "points: 1, per: 100, rounding: ceil}, {id: bread")
    .replace("fr: Matin", "fr: Aurore")
    .replace("hour < 10", "hour < 11")
    + "multipliers: {basis: earning_and_bonuses}\n"
)


def test_the_command_speaks_english(tmp_path: Path) -> None:
    assert run(tmp_path, BASE, CHANGED).output.splitlines() == [
        "What a purchase earns",
        "  Rule “Base” – rounding: up to a whole point; before: parts of a point are dropped.",
        "  What levels and offers multiply: what rules and offers give; before: what rules give.",
        "Offers",
        "  no longer: Offer “Morning”: in addition, 5 points for every €7 spent. [condition: visit.hour < 10]",
        "  new: Offer “Morning”: in addition, 5 points for every €7 spent. [condition: visit.hour < 11]",
        "  Offer “Morning” – name in French: “Aurore”; before: “Matin”.",
        "Not an addendum: it needs its notice.",
    ]


def test_a_default_that_is_only_written_out_is_said_to_be_none(tmp_path: Path) -> None:
    said = run(tmp_path, BASE, BASE + "multipliers: {basis: earning}\n").output.splitlines()
    assert said[1] == (
        "  What levels and offers multiply: what rules give, as before; the document only writes it otherwise."
    )


def test_the_command_speaks_french_and_gives_its_words_as_json(tmp_path: Path) -> None:
    said = run(tmp_path, BASE, BASE.replace("per: 700", "per: 600"), "--lang", "fr").output.replace(
        "\N{NO-BREAK SPACE}", " "
    )
    assert "  nouveau : Offre « Matin » : en plus, 5 points par tranche de 6 € dépensée." in said
    assert "Pas un simple ajout : il faut un préavis." in said
    told = json.loads(run(tmp_path, BASE, CHANGED, "--json").output)
    assert [one["title"] for one in told["words"]] == ["What a purchase earns", "Offers"]
    assert told["addendum"] is False


def test_what_only_has_another_id_is_neither_gone_nor_new(tmp_path: Path) -> None:
    text = (ROOT / "examples/simple.yaml").read_text()
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("id: base", "id: basis"))
    said = CliRunner().invoke(ruleset, ["diff", str(ROOT / "examples/simple.yaml"), str(other)]).output
    assert "Rule “Basis” is as before, under another id: base → basis." in said
    assert "no longer" not in said
    assert "new:" not in said


def test_what_stands_elsewhere_in_a_list_is_no_change_but_of_order(tmp_path: Path) -> None:
    first, second = "{id: a, award: {points: 1}}", "{id: b, award: {points: 2}}"
    one, other = (
        BASE.partition("campaigns")[0] + f"campaigns: [{some}]\n"
        for some in (f"{first}, {second}", f"{second}, {first}")
    )
    assert run(tmp_path, one, other).output.splitlines()[:2] == ["Offers", "  The order is another one: b, a."]


def test_without_the_pages_the_places_are_named_and_what_to_install() -> None:
    program = (
        "import sys\nsys.modules['flask'] = sys.modules['flask_babel'] = None\n"
        "from token_service.cli import main\nsys.argv = ['mereau', *sys.argv[1:]]\nmain()\n"
    )
    words = ("ruleset", "diff", "examples/simple.yaml", "examples/les-halles.yaml")
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "/program/name: " in done.stdout
    assert "mereau[server]" in done.stdout
