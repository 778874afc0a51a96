"""Text to plain JSON values: JSON, or the part of YAML that JSON has too.

Nothing is guessed: no dates, octal or sexagesimal numbers, no "yes" for true; fractions stay texts, since no rule
counts in them. Refused: a key named twice, anchors and aliases (they can explode), tags, several documents, and what is
too long or too deep.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import yaml

from token_service.errors import InvalidInput, Place

DOCUMENT_BYTES_MAX: Final = 256 * 1024
NESTING_MAX: Final = 20

_WHOLE_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
_WORDS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None, "~": None, "": None}


def read_document(text: str) -> Any:
    """The value that a JSON or YAML text says. Raises InvalidInput, with the line where there is one."""
    value = _read(text)
    _check_texts(value)
    return value


def _read(text: str) -> Any:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput("The document is not valid Unicode text.") from error
    if size > DOCUMENT_BYTES_MAX:
        raise InvalidInput(f"The document is longer than {DOCUMENT_BYTES_MAX // 1024} KiB.")
    if text.lstrip().startswith("{"):
        try:
            return _read_json(text)
        except json.JSONDecodeError:
            pass  # YAML may begin with a brace as well
    return _read_yaml(text)


def _read_json(text: str) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise _too_deep() from error
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # a number with thousands of digits
        raise InvalidInput("The document has a number that is too long.") from error
    _check_depth(value)
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidInput("The document names a key twice in one object.")
    return found


def _refuse_constant(_name: str) -> Any:
    raise InvalidInput("The document has a number that is not finite.")


def _check_depth(value: Any) -> None:
    layer = [value]
    for _ in range(NESTING_MAX + 1):
        layer = [child for parent in layer for child in _children(parent)]
        if not layer:
            return
    raise _too_deep()


def _check_texts(value: Any) -> None:
    """No text may hold what databases refuse (U+0000) or what is no Unicode (half of a surrogate pair)."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        waiting.extend(_children(one))
        for text in one if isinstance(one, dict) else (one,):
            if isinstance(text, str) and ("\0" in text or any("\ud800" <= c <= "\udfff" for c in text)):
                raise InvalidInput(
                    "The document has a character that no text may have (U+0000 or half a surrogate pair)."
                )


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _read_yaml(text: str) -> Any:
    """Builds values from the parser's events on a stack of our own, so that depth costs nothing."""
    reader = _YamlReader()
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        raise _refusal(error.problem or "is not valid YAML", error.problem_mark) from error
    except yaml.YAMLError as error:
        raise InvalidInput("The document has characters that YAML does not allow.") from error
    return reader.value


class _YamlReader:
    """Takes YAML events in order; `value` is the document once all are taken."""

    def __init__(self) -> None:
        self.value: Any = None
        self._documents = 0
        self._open: list[tuple[Any, str | None]] = []  # containers not yet closed, and the key that waits for its value

    def take(self, event: Any) -> None:
        mark = event.start_mark
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _refusal("anchors and aliases are not allowed", mark)
        if getattr(event, "tag", None) is not None:
            raise _refusal("tags are not allowed", mark)
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise _refusal("only one document is allowed", mark)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            container: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._place(container, mark)
            self._open.append((container, None))
            if len(self._open) > NESTING_MAX:
                raise _too_deep()
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.ScalarEvent):
            self._take_scalar(event)

    def _take_scalar(self, event: yaml.ScalarEvent) -> None:
        is_key = bool(self._open) and isinstance(self._open[-1][0], dict) and self._open[-1][1] is None
        if not is_key:
            self._place(_plain(event.value) if event.style is None else event.value, event.start_mark)
            return
        mapping = self._open[-1][0]
        if event.value in mapping:
            raise _refusal("a key is named twice", event.start_mark)
        self._open[-1] = (mapping, event.value)

    def _place(self, value: Any, mark: Any) -> None:
        if not self._open:
            self.value = value
            return
        container, key = self._open[-1]
        if isinstance(container, list):
            container.append(value)
        elif key is None:
            raise _refusal("a key must be a text", mark)
        else:
            container[key] = value
            self._open[-1] = (container, None)


def _plain(word: str) -> Any:
    if word in _WORDS:
        return _WORDS[word]
    return int(word) if _WHOLE_NUMBER.fullmatch(word) else word


def _refusal(problem: str, mark: Any) -> InvalidInput:
    line = f" (line {mark.line + 1})" if mark is not None else ""
    return InvalidInput(f"The document cannot be read{line}: {problem}.", places=(Place("", f"{problem}{line}"),))


def _too_deep() -> InvalidInput:
    return InvalidInput(f"The document is nested more than {NESTING_MAX} deep.")
