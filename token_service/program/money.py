"""Money in words: minor units of a currency as people write them ("23.90 EUR"). Whole numbers in, text out."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_WITHOUT_MINOR_UNIT: Final = frozenset(
    {
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    }
)
_WITH_THREE_DIGITS: Final = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def minor_digits(currency: str) -> int:
    """Digits behind the point in ISO 4217: 2 but for the currencies that have none or three."""
    if currency in _WITHOUT_MINOR_UNIT:
        return 0
    return 3 if currency in _WITH_THREE_DIGITS else 2


@lru_cache(maxsize=4096)
def money_text(amount: int, currency: str) -> str:
    """`amount` ≥ 0 in minor units, with its currency: 2390 EUR is "23.90 EUR"."""
    digits = minor_digits(currency)
    if not digits:
        return f"{amount} {currency}"
    whole, rest = divmod(amount, 10**digits)
    return f"{whole}.{rest:0{digits}d} {currency}"
