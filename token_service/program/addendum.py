"""Whether one ruleset is another plus additions: more campaigns, more rewards, later last days. Such a document acts at once
(CONTRACT §1 `publishAddendum`): nobody can lose by it. The auditor decides with the same function."""

from __future__ import annotations

import json
from typing import Any, Final

from token_service.errors import Place
from token_service.program.ruleset import canonical_json
from token_service.program.schema import Ruleset

_GROWING: Final = ("campaigns", "rewards")


def addendum_problems(base: Ruleset, document: Ruleset) -> list[Place]:
    """Everything in `document` that is more than an addition to `base`; an empty list means: it is an addendum.

    Campaigns and rewards of the base come first, in their order and unchanged, but a campaign's `until` may be later.
    """
    before, after = json.loads(canonical_json(base)), json.loads(canonical_json(document))
    places = [
        Place(f"/{key}", "must stay as it is in the base")
        for key in sorted((before.keys() | after.keys()) - set(_GROWING))
        if before.get(key) != after.get(key)
    ]
    for key in _GROWING:
        places += _list_problems(key, before.get(key, []), after.get(key, []))
    return places


def is_addendum_of(base: Ruleset, document: Ruleset) -> bool:
    """Whether `document` equals `base` but for additions, of which there is at least one."""
    return not addendum_problems(base, document) and canonical_json(base) != canonical_json(document)


def _list_problems(key: str, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[Place]:
    places = []
    for index, old in enumerate(before):
        new = after[index] if index < len(after) else None
        if new is None:
            places.append(Place(f"/{key}", "must keep everything that the base has"))
            break
        if new != old and not (key == "campaigns" and _only_lasts_longer(old, new)):
            places.append(Place(f"/{key}/{index}", "must stay as it is in the base"))
    return places


def _only_lasts_longer(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """The same campaign with a later last day, or with none any more. ISO dates compare as texts."""
    if old.get("until") is None:
        return False
    same = {key: value for key, value in old.items() if key != "until"} == {
        key: value for key, value in new.items() if key != "until"
    }
    until = new.get("until")
    return same and (until is None or until > old["until"])
