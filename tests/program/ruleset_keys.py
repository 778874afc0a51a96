"""Every key of a ruleset with what it takes and its default, read from the schema: the table in docs/rulesets.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from token_service.program.schema import Ruleset
from token_service.units import POINTS_MAX

TEXTS = {
    40: "duration",
    39: "`day` or duration",
    64: "IANA name",
    500: "CEL, at most 500 characters",
    100: "1–100 characters",
}
"""What a text is, by its greatest length: the schema has one length for each kind of text."""
UNITS = {
    "per": "minor units",
    "amount": "minor units",
    "budget_amount": "minor units",
    "budget_vouchers": "vouchers",
    "per_quantity": "pieces",
    "up_to": "minor units",
    "min_total": "minor units",
    "funds": "minor units",
    "seats": "seats",
    "multiplier_percent": "percent",
    "percent": "percent",
    "from": "what `qualify_by` counts",
    "keep": "what `qualify_by` counts",
    "periods": "months or years",
    "steps": "levels",
    "times": "purchases",
    "every": "visits",
}
"""What whole numbers count; points where nothing is said."""


def table() -> list[str]:
    """The rows of the table, in the schema's order; a key that means the same in two shapes behind one another stands once."""
    rows = [f"| `{path}` | {takes} | {default} |" for path, takes, default in _rows("", Ruleset.model_json_schema())]
    return list(dict.fromkeys(rows))


def _rows(path: str, whole: dict[str, Any], part: dict[str, Any] | None = None) -> Iterator[tuple[str, str, str]]:
    part = part or whole
    for name, field in part["properties"].items():
        shape = _resolved(field, whole)
        place = f"{path}{name}"
        if name == "kind" and "const" in shape:
            continue  # the kind stands in the path
        yield (
            place,
            _takes(name, shape).replace("purchases", "uses" if ".benefits." in place else "purchases"),
            "required" if name in part.get("required", ()) else _default(field.get("default")),
        )
        inner = _resolved(shape.get("items", {}), whole) or shape
        for choice in inner.get("oneOf", [inner]):
            model = _resolved(choice, whole)
            kind = model.get("properties", {}).get("kind", {}).get("const")
            if "properties" in model:
                yield from _rows(f"{place}.{kind}." if kind else f"{place}.", whole, model)


def _resolved(field: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """The field's shape without references and without "or null": left out is the only null there is."""
    shapes = [shape for shape in field.get("anyOf", [field]) if shape.get("type") != "null"]
    (shape,) = shapes
    reference = shape.get("$ref")
    return whole["$defs"][reference.rpartition("/")[2]] if reference else shape


def _takes(name: str, shape: dict[str, Any]) -> str:
    if "enum" in shape or "const" in shape:
        return " or ".join(
            f"`{str(value).lower() if value is True else value}`" for value in shape.get("enum", [shape.get("const")])
        )
    if shape.get("type") == "integer":
        least, most = shape["minimum"], shape["maximum"]
        return f"{UNITS.get(name, 'points')}, {least}–{'2^53−1' if most == POINTS_MAX else f'{most:,}'}"
    if shape.get("type") == "array":
        items = shape["items"]
        kinds = [items] if items.get("type") == "string" else items.get("oneOf", [])
        plain = [_takes(name, kind) for kind in kinds if kind.get("type") == "string"]
        each = f", each {' or '.join((*plain, *['map'] * (len(kinds) - 1)))}" if plain else ""
        return f"list of {shape.get('minItems', 0)}–{shape['maxItems']}{each}"
    if shape.get("type") == "boolean":
        return "`true` or `false`"
    if shape.get("type") != "string":
        return "map of `fr`, `en`" if "propertyNames" in shape else "map"
    if "pattern" in shape:
        return "ISO 4217 code" if "A-Z" in shape["pattern"] else "id"
    return "local date" if shape.get("format") == "date" else TEXTS[shape["maxLength"]]


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value is None or value == []:
        return "none"
    if isinstance(value, dict):
        filled = {key: one for key, one in value.items() if one is not None}
        return "`{" + ", ".join(f"{key}: {one}" for key, one in filled.items()) + "}`" if filled else "none"
    return f"`{value}`"
