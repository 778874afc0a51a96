"""Which segments a member is in: said by an admin, recorded as a fact of each change, read by conditions (docs/rulesets.md
"segments").
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from sqlalchemy import select, update

from token_service.ledger import checks, tables, views
from token_service.ledger.accounts import Account
from token_service.ledger.context import Actor, Context
from token_service.ledger.members import member_view
from token_service.ledger.posting import fact
from token_service.ledger.purchase_facts import segments_of
from token_service.ledger.transaction import Transaction, write

KIND: Final = "segments"


def set_segments(context: Context, actor: Actor, member_id: str, segments: Sequence[str]) -> views.Member:
    """The member, in these segments and no others. Repeatable. Raises Forbidden for anybody but an admin, NotFound, InvalidInput
    for a segment that the rules in force do not declare.
    """
    actor.need_admin()

    def work(tx: Transaction) -> views.Member:
        account = tx.member_of(None, member_id=member_id, external_id=None)
        known = {one.id for one in tx.ruleset(tx.ruleset_hash_at(tx.now)).segments}
        for place, one in enumerate(segments):
            if one not in known:
                said = f"must be one of {', '.join(sorted(known))}" if known else "the rules declare no segments"
                raise checks.wrong(f"/segments/{place}", said)
        label(tx, account, segments, actor.name)
        tx.flush()
        return member_view(tx, account, None)

    return write(context, work)


def label(tx: Transaction, account: Account, segments: Sequence[str], actor_name: str) -> None:
    """The account's segments, and the fact that records a change of them."""
    wanted = tuple(sorted(set(segments)))
    if wanted == segments_of(account):
        return
    fact(tx, account, KIND, operation=None, more={"segments": list(wanted), "actor": actor_name})
    account.segments = " ".join(wanted) or None
    here = tables.members.c.id == account.id
    tx.connection.execute(update(tables.members).where(here).values(segments=account.segments))


def replayed_segments(tx: Transaction, member_id: str) -> str | None:
    """The member's segments as the last fact says them."""
    columns = tables.facts.c
    query = select(columns.detail).where(columns.member_id == member_id, columns.kind == KIND)
    last = tx.connection.execute(query.order_by(columns.seq.desc()).limit(1)).scalar_one_or_none()
    return None if last is None else " ".join(json.loads(last)["segments"]) or None
