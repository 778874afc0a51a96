"""Ruleset documents: read them, write them in their one canonical form, hash them.

People write YAML; what is hashed and published is RFC 8785 JSON with exactly the keys that were written, so that YAML
and JSON with the same content have one hash, for ever. Reading text: document.py. Shape: schema.py. Contradictions:
ruleset_check.py.
"""

from __future__ import annotations

import json
from typing import Any, Final

import rfc8785
from eth_hash.auto import keccak
from pydantic import ValidationError

from token_service.errors import InvalidInput, Place
from token_service.program.document import read_document
from token_service.program.ruleset_check import check_ruleset
from token_service.program.schema import Ruleset

__all__ = ["Ruleset", "canonical_json", "check_ruleset", "default_ruleset_text", "parse_ruleset", "ruleset_hash"]

PLACES_MAX: Final = 50

_DEFAULT: Final = """\
ruleset: 1
program: {{name: {name}, currency: {currency}, time_zone: {time_zone}}}
earning:
  - {{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}}
"""


def default_ruleset_text(name: str = "Méreau", currency: str = "EUR", time_zone: str = "Europe/Paris") -> str:
    """The ruleset that `mereau init` publishes unless it is given one: 1 point for each 100 minor units paid, rounded down."""
    return _DEFAULT.format(name=json.dumps(name, ensure_ascii=False), currency=currency, time_zone=time_zone)


def parse_ruleset(text: str) -> Ruleset:
    """The ruleset that a YAML or JSON document says. Contradictions between its keys are `check_ruleset`'s matter.

    Raises InvalidInput, with the place of each mistake where there is one.
    """
    document = read_document(text)
    try:
        return Ruleset.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        mistakes = [mistake for mistake in error.errors(include_url=False) if not _is_echo(mistake)]
        places = tuple(_place(document, mistake) for mistake in mistakes[:PLACES_MAX])
        raise InvalidInput("The ruleset is not valid.", places=places) from error


def canonical_json(ruleset: Ruleset) -> str:
    """The document as RFC 8785 JSON: the keys that were written, no default added."""
    return rfc8785.dumps(ruleset.model_dump(mode="json", by_alias=True, exclude_unset=True)).decode()


def ruleset_hash(canonical: str) -> str:
    """keccak256 of the canonical text's UTF-8 bytes, as "0x" and 64 hex digits: the ruleset's name on the chain."""
    return "0x" + keccak(canonical.encode()).hex()


def _is_echo(mistake: Any) -> bool:
    """A list is called too short when its members have mistakes, which are told on their own."""
    return mistake["type"] == "too_short" and bool(mistake["input"])


def _place(document: Any, mistake: Any) -> Place:
    """Where pydantic found the mistake, and its sentence without the caller's input."""
    steps, here, is_missing = [], document, mistake["type"] == "missing"
    for position, step in enumerate(mistake["loc"]):
        is_inside = step in here if isinstance(here, dict) else isinstance(here, list) and step in range(len(here))
        if is_inside:
            here = here[step]
        elif not (is_missing and position == len(mistake["loc"]) - 1):
            continue  # a discriminator's tag, not a part of the document
        steps.append(str(step).replace("~", "~0").replace("/", "~1"))
    return Place("".join(f"/{step}" for step in steps), _sentence(mistake))


def _sentence(mistake: Any) -> str:
    context = mistake.get("ctx", {})
    match mistake["type"]:
        case "extra_forbidden":
            return "is not a key that a ruleset of version 1 has here"
        case "missing":
            return "is missing"
        case "union_tag_not_found":
            return "must have a kind"
        case "union_tag_invalid":
            return f"must have one of the kinds {context['expected_tags']}"
        case "literal_error":
            return f"must be {context['expected']}"
        case "value_error":
            return str(context["error"])
        case "too_short" | "too_long":
            return str(mistake["msg"]).split(" after validation")[0].replace("Tuple should", "must")
        case "string_pattern_mismatch":
            return f"must match {context['pattern']}"
        case _:
            text = str(mistake["msg"]).removeprefix("Input ").removeprefix("Value ")
            return (text[0].lower() + text[1:]).replace("should ", "must ")
