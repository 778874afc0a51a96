"""What random histories do beside their own steps: standing orders with bills, and points from an earlier programme."""

from __future__ import annotations

import random
from datetime import timedelta

from ledger_town import ADMIN, Town

from token_service.ledger.import_inputs import NewImport, OpeningAccount, OpeningLot
from token_service.ledger.imports import declare_import
from token_service.ledger.inputs import NewMember, NewRenewal
from token_service.ledger.members import get_member, list_members
from token_service.ledger.opening_balances import bring_in
from token_service.ledger.standing_orders import renew, set_standing_order


def give_an_order(town: Town, luck: random.Random, members: list[str]) -> None:
    """Somebody gives, changes or ends a standing order."""
    set_standing_order(town.context, ADMIN, luck.choice(members), luck.choice([0, 6, 20]))


def bill_a_renewal(town: Town, luck: random.Random, members: list[str]) -> None:
    """Somebody is billed, who may have a standing order."""
    renew(town.context, town.alice, NewRenewal(town.reference(), luck.choice([0, 90, 2_000]), luck.choice(members)))


def bring_somebody_in(town: Town, luck: random.Random, members: list[str], *, may_join: bool = True) -> None:
    """Points from an earlier programme, for somebody who is here already, or who joined it long ago and is a member now. Without
    `may_join` where a backup is restored: it lacks the keys of whoever joins after it.
    """
    merchant = str(town.alice.merchant_id)
    known = NewMember(str(get_member(town.context, town.alice, luck.choice(members)).external_id), merchant_id=merchant)
    joined = town.clock.at - timedelta(days=luck.randrange(800))
    new = luck.choice(
        [known] if not may_join else [known, NewMember(town.reference(), merchant_id=merchant, enrolled_at=joined)]
    )
    until = town.clock.at + timedelta(days=luck.randrange(1, 40))
    lots = tuple(OpeningLot(2, town.reference(), luck.randrange(1, 30), luck.choice([None, until])) for _ in range(2))
    file = NewImport(town.reference(), "Old Club", merchant, 1, sum(lot.points for lot in lots))
    made = declare_import(town.context, ADMIN, file, points_to_come=file.points)
    bring_in(town.context, ADMIN, made.id, file, [OpeningAccount(2, new, lots)])
    found = list_members(town.context, town.alice, external_id=new.external_id).data
    members += [one.id for one in found if one.id not in members]
