"""docs/rulesets.md and the examples say what the code does."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from token_service.program.conditions import FACTS, FUNCTIONS, MACROS
from token_service.program.document import read_document
from token_service.program.ruleset import check_ruleset, parse_ruleset
from token_service.program.schema import Ruleset

from .baskets import BASE, PROGRAM
from .ruleset_keys import table

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/rulesets.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def models_in(annotation: Any) -> set[type[BaseModel]]:
    """Every model that a field's type mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {model for part in get_args(annotation) for model in models_in(part)}


def keys_of(model: type[BaseModel]) -> set[str]:
    """Every key that a document of this model may have, at any depth."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(field.alias or name)
        for part in (field.annotation, *field.metadata):
            for inner in models_in(part):
                found |= keys_of(inner)
    return found


def test_every_key_of_the_schema_is_explained() -> None:
    keys = keys_of(Ruleset)
    assert {"per_quantity", "round_to", "multiplier_percent", "steps", "from"} <= keys
    assert [key for key in sorted(keys) if f"`{key}`" not in TEXT and f"`{key}:" not in TEXT] == []


def test_the_table_of_keys_has_each_key_with_its_range_and_default() -> None:
    rows = TEXT.split("\n## Every key\n")[1].split("|---|---|---|\n")[1].splitlines()
    assert rows == table()


def test_every_fact_function_and_macro_is_in_the_table_as_the_code_has_it() -> None:
    rows = re.findall(r"^\| `((?:order|member|visit)\.\w+)` \| (.*?) \| (.*?) \|$", TEXT, re.MULTILINE)
    assert {name: (kind, meaning) for name, kind, meaning in rows} == FACTS
    assert all(f"`{name}`" in TEXT for name in (*FUNCTIONS, *MACROS))


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0][:40])
def test_every_example_in_the_docs_is_accepted(block: str) -> None:
    document = {"ruleset": 1, "program": PROGRAM, "earning": [BASE], **read_document(block)}
    assert check_ruleset(parse_ruleset(json.dumps(document))) == []


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_file_is_fit_to_publish(path: Path) -> None:
    assert check_ruleset(parse_ruleset(path.read_text())) == []
