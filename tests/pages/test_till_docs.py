"""docs/till.md says what the till does: its figures are the code's, and what it quotes stands on the pages."""

from __future__ import annotations

import re
from pathlib import Path

from token_service.ledger.member_codes import FAILURES_MAX, FAILURES_SPAN, LENGTH, LIFETIME
from token_service.ledger.staff_sessions import STAFF_SESSION_LIFETIME
from token_service.ledger.till import DAY_MAX, LISTED_MAX
from token_service.pages.staff.till.amounts import parse_amount
from token_service.pages.staff.till.purchase_form import LINES_MAX

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/till.md").read_text("utf-8")
WORDS = " ".join(DOCUMENT.split())


def minutes(span: object) -> int:
    return int(span.total_seconds()) // 60  # type: ignore[attr-defined]


def test_its_figures_are_those_of_the_code() -> None:
    rows = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", DOCUMENT, re.MULTILINE))
    assert rows["a customer's code lives"].startswith(f"{minutes(LIFETIME)} minutes")
    assert rows["wrong codes of one merchant"].startswith(f"{FAILURES_MAX} in {minutes(FAILURES_SPAN)} minutes")
    assert rows["lines of a basket"] == str(LINES_MAX)
    assert rows["lines of today beside the work"].startswith(f"the newest {LISTED_MAX};")
    assert rows["lines of the whole day"].startswith(f"the newest {DAY_MAX};")
    assert (LENGTH, minutes(STAFF_SESSION_LIFETIME)) == (8, 12 * 60)


def test_its_amounts_are_read_as_it_says() -> None:
    assert "`23,90`, `23.90` and `1 234,50` are all understood; `1.234` is asked again" in WORDS
    assert [parse_amount(text, "EUR") for text in ("23,90", "23.90", "1 234,50", "1.234")] == [
        2390,
        2390,
        123_450,
        None,
    ]


def test_what_it_quotes_stands_on_the_pages() -> None:
    pages = "".join(path.read_text("utf-8") for path in (ROOT / "web/templates").rglob("*.html"))
    pages += (ROOT / "token_service/pages/staff/till/words.py").read_text("utf-8")
    quoted = re.findall(r"“([^”]+)”", WORDS)
    assert len(quoted) >= 4
    assert [words for words in quoted if words not in pages] == []
