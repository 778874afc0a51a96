"""docs/api.md is true: every documented call is made, in its order, and answers what the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from api_callers import Caller, new_reference
from api_town import Town

from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewVoucher
from token_service.ledger.member_codes import new_code
from token_service.ledger.vouchers import buy_reward

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"
BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CALL = re.compile(
    r'^curl "\$MEREAU(?P<path>[^"]+)"(?P<key> -H "Authorization: Bearer \$KEY")?(?P<headers>(?: -H "[^"]+")*)'
    r"(?: --json @- <<END\n(?P<body>.*)\nEND)?\n$",
    re.DOTALL,
)
NAMES = {"member": "MEMBER", "purchase": "PURCHASE", "issuance": "ISSUANCE", "redemption": "REDEMPTION"}
ANY = ("…",)


def examples() -> list[tuple[str, dict[str, Any]]]:
    """Each curl with the answer that follows it."""
    blocks = BLOCK.findall(GUIDE.read_text("utf-8"))
    return [(text, json.loads(blocks[place + 1][1])) for place, (kind, text) in enumerate(blocks) if kind == "sh"]


def test_every_documented_call_answers_as_documented(town: Town) -> None:
    shop = town.merchant("Guide")
    known: dict[str, str] = {}
    for command, expected in examples():
        if "$VOUCHER" in command and "VOUCHER" not in known:
            known["VOUCHER"] = bought_voucher(town, known["MEMBER"])
        answer = run(shop, town, command, known)
        assert_includes(answer, expected, command)
        remember(answer, known)


def test_the_tour_has_a_call_of_each_kind() -> None:
    paths = {CALL.match(command)["path"] for command, _ in examples()}  # type: ignore[index]
    assert len(paths) >= 14


@pytest.mark.parametrize("scope", ["members:read", "purchases:write", "api_keys:write"])
def test_the_guide_lists_scopes(scope: str) -> None:
    assert f"| `{scope}` |" in GUIDE.read_text("utf-8")


def test_the_guide_lists_all_scopes() -> None:
    from token_service.ledger.context import ADMIN_SCOPES

    assert set(re.findall(r"^\| `([a-z_]+:[a-z]+)` \|", GUIDE.read_text("utf-8"), re.MULTILINE)) == set(ADMIN_SCOPES)


def run(shop: Caller, town: Town, command: str, known: dict[str, str]) -> Any:
    """What the documented command answers."""
    if "$CODE" in command:
        known["CODE"] = new_code(town.context, Actor.member(known["MEMBER"])).code
    filled = re.sub(
        r"\$(CODE|MEMBER|PURCHASE|ISSUANCE|REDEMPTION|ENTRY|VOUCHER)\b", lambda match: known[match[1]], command
    )
    call = CALL.match(filled)
    assert call, command
    caller = shop if call["key"] else town.nobody
    headers = dict(header.split(": ", 1) for header in re.findall(r'-H "([^"]+)"', call["headers"] or ""))
    client = caller.app.test_client()
    if call["body"] is None:
        response = client.get(call["path"], headers=caller.headers() | headers)
    else:
        response = client.post(
            call["path"], data=call["body"], content_type="application/json", headers=caller.headers() | headers
        )
    assert response.status_code in (200, 201), f"{command}\n{response.get_data(as_text=True)}"
    return json.loads(response.get_data())


def bought_voucher(town: Town, member_id: str) -> str:
    """The code of a voucher that the member buys in the wallet."""
    bought = buy_reward(town.context, Actor.member(member_id), NewVoucher(new_reference(), "free-coffee", 100))
    return str(bought.value.code)


def remember(answer: Any, known: dict[str, str]) -> None:
    """Keep ids for the variables of later commands."""
    name = NAMES.get(answer.get("object", ""))
    if name and "id" in answer:
        known[name] = answer["id"]
    if answer.get("entries"):
        known["ENTRY"] = answer["entries"][0]["id"]


def assert_includes(answer: Any, expected: Any, where: str) -> None:
    """The answer has everything that the page shows; "…" and the 0 of a chain id stand for anything."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert name in answer, f"{name} in {where}"
            if name != "chain_id":
                assert_includes(answer[name], value, where)
    elif isinstance(expected, list):
        assert len(answer) >= len(expected), where
        for one, other in zip(answer, expected, strict=False):
            assert_includes(one, other, where)
    elif isinstance(expected, str) and "…" in expected:
        assert answer.startswith(expected.partition("…")[0]), where
    else:
        assert answer == expected, where
