"""The console's list of what limits refused: in words, of one merchant if asked, part by part."""

from __future__ import annotations

import pytest
from console_town import desk
from pages_town import Town

from token_service.errors import LimitExceeded, MemberFrozen
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewIssuance
from token_service.ledger.issuances import issue
from token_service.ledger.members import freeze
from token_service.ledger.noting_refusals import Asked, note


def test_what_a_freeze_stopped_is_told_in_words(town: Town) -> None:
    manager = desk(town, "manager")
    assert "Nothing was refused." in manager.read("/console/refused")
    member = town.member("zoe@example.com", "Zoé Dupont")
    freeze(town.context, Actor.admin(), member, "looks like fraud")
    with pytest.raises(MemberFrozen):
        issue(town.context, town.actor, NewIssuance("late-parcel", member, 77, "a parcel came late"))
    page = manager.read("/console/refused")
    assert all(said in page for said in ("The member is frozen.", "Points given by hand", "late-parcel", ">77<"))
    assert "Zoé" not in page
    assert "late-parcel" in manager.read(f"/console/refused?merchant={town.merchant_id}")
    assert "late-parcel" not in manager.read("/console/refused?merchant=mrc_other")


def test_long_lists_come_in_parts(town: Town) -> None:
    manager = desk(town, "auditor")
    refusal = LimitExceeded("no", key="redemption.min_points", limit=1)
    with town.context.store.write() as connection:
        for number in range(51):
            note(connection, Asked("key_1", "redemption", None, f"till-{number}"), refusal, town.context.now())
    page = manager.read("/console/refused")
    assert "So few points cannot be used at once." in page
    assert "till-50" in page
    assert "till-0<" not in page
    assert "cursor=" in page
