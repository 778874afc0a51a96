"""What differs between two ruleset documents: the places and both values; and a document written as people write it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from token_service.program.ruleset import Ruleset, canonical_json


@dataclass(frozen=True, slots=True)
class Change:
    """A place (JSON pointer) at which two documents differ; None stands for nothing there."""

    pointer: str
    old: Any
    new: Any


def document_changes(old: Ruleset, new: Ruleset) -> tuple[Change, ...]:
    """Every place at which the two documents differ, in the order of the first one's keys."""
    return tuple(_changes("", json.loads(canonical_json(old)), json.loads(canonical_json(new))))


def as_yaml(ruleset: Ruleset) -> str:
    """The document as YAML with the keys that were written, in the schema's order: reading it gives the same ruleset."""
    document = ruleset.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)


def _changes(pointer: str, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in (*old, *(key for key in new if key not in old)):
            yield from _changes(f"{pointer}/{key}", old.get(key, ...), new.get(key, ...))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            yield from _changes(f"{pointer}/{index}", _at(old, index), _at(new, index))
    elif old != new or type(old) is not type(new):
        yield Change(pointer, _or_none(old), _or_none(new))


def _at(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else ...


def _or_none(value: Any) -> Any:
    return None if value is ... else value
