"""Reading JSON that others wrote. Nesting deeper than some 200 levels is refused before it can harm.

`json.loads` would do, were it not for py_ecc (a dependency of web3): on import it raises Python's recursion limit to
100,000, and from then on `json.loads("[" * 100_000)` is no RecursionError but a segmentation fault. pydantic's parser
has a limit of its own.
"""

from __future__ import annotations

from pydantic_core import from_json

from token_service.errors import InvalidInput


def load(text: str | bytes) -> object:
    """The value of a JSON text; NaN and Infinity are refused. Raises InvalidInput, which never repeats the text."""
    try:
        value: object = from_json(text, allow_inf_nan=False)
    except (ValueError, TypeError) as error:
        raise InvalidInput("this is not JSON, or it is nested too deeply") from error
    return value
