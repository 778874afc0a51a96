"""The deployment's one programme: set up once, then read (DESIGN §1)."""

from __future__ import annotations

from dataclasses import fields

from sqlalchemy import func, insert, select, update

from token_service.errors import BadSettings
from token_service.ledger import rulesets, tables, views
from token_service.ledger.context import Context
from token_service.ledger.inputs import NewMerchant, NewProgram
from token_service.ledger.merchants import insert_merchant
from token_service.ledger.transaction import Transaction, read, write
from token_service.units import PROGRAM_PARTY, EntryKind


def create_program(context: Context, new: NewProgram) -> views.Program:
    """The programme, with its first ruleset in force and itself registered as party 1.

    Repeatable: a programme that is there is answered as it is. Raises BadSettings when it is on another chain,
    InvalidInput for the ruleset.
    """

    def work(tx: Transaction) -> views.Program:
        known = tx.connection.execute(select(tables.program)).one_or_none()
        if known is not None:
            if known.chain_id != new.chain_id:
                raise BadSettings("the ledger belongs to a programme on another chain")
            return program_view(tx)
        _insert(tx, new)
        tx.flush()
        return program_view(tx)

    return write(context, work)


def set_contract(context: Context, *, address: str, deployed_at_block: int, genesis_hash: str) -> None:
    """Remembers where the contract is. Raises BadSettings when it is elsewhere already."""

    def work(tx: Transaction) -> None:
        if tx.program.contract_address not in (None, address):
            raise BadSettings("the programme has a contract at another address")
        values = {"contract_address": address, "deployed_at_block": deployed_at_block, "genesis_hash": genesis_hash}
        tx.connection.execute(update(tables.program).values(**values))

    write(context, work)


def get_program(context: Context) -> views.Program:
    """The programme with its rules. Raises NotInitialised."""
    return read(context, program_view)


def get_books(context: Context) -> views.ProgramBooks:
    """The programme with its rules and totals. Raises NotInitialised."""
    return read(context, _books)


def program_view(tx: Transaction) -> views.Program:
    """As `get_program`, inside a use case."""
    row = tx.program
    return views.Program(
        name=row.name,
        currency=row.currency,
        chain_id=row.chain_id,
        contract=row.contract_address,
        promise_address=row.promise_address,
        embedded=row.embedded,
        notice_period_seconds=row.notice_period_seconds,
        paused=row.paused,
        sunset_at=row.sunset_at,
        created_at=row.created_at,
        ruleset=rulesets.view_of(tx, tx.ruleset_hash_at(tx.now)),
        next_ruleset=rulesets.next_view(tx),
    )


def _books(tx: Transaction) -> views.ProgramBooks:
    frame, totals = program_view(tx), _totals(tx)
    value = tx.ruleset(tx.ruleset_hash_at(tx.now)).program.point_value
    liability = 0 if value is None else -(-totals.outstanding * value.amount // value.points)
    return views.ProgramBooks(
        **{item.name: getattr(frame, item.name) for item in fields(frame)},
        totals=totals,
        liability=views.Money(liability, frame.currency),
    )


def _insert(tx: Transaction, new: NewProgram) -> None:
    ruleset, text = rulesets.checked(new.ruleset_document)
    tx.connection.execute(
        insert(tables.program).values(
            id=1,
            name=ruleset.program.name,
            currency=ruleset.program.currency,
            chain_id=new.chain_id,
            promise_address=new.promise_address,
            embedded=new.embedded,
            notice_period_seconds=new.notice_period_seconds,
            paused=False,
            created_at=tx.now,
        )
    )
    hash_ = rulesets.insert_first(tx, text)
    arguments: dict[str, object] = {"hash": hash_, "uri": rulesets.URI.format(hash=hash_), "effective_at": 0}
    tx.staged.admin_operations.append(("publish_ruleset", "rules", arguments))
    own = NewMerchant(
        name=ruleset.program.name,
        ceiling_points=new.own_ceiling_points,
        ceiling_period_seconds=new.own_ceiling_period_seconds,
    )
    insert_merchant(tx, own, party=PROGRAM_PARTY)


def _totals(tx: Transaction) -> views.ProgramTotals:
    """Sums over all entries, by kind, voided ones left out with what undoes them."""
    entries, members = tables.entries.c, tables.members.c
    query = select(entries.kind, func.sum(entries.points)).group_by(entries.kind)
    sums = {row[0]: abs(int(row[1])) for row in tx.connection.execute(query)}
    figures = select(
        func.coalesce(func.sum(members.available + members.held), 0),
        func.coalesce(func.sum(members.pending), 0),
        func.coalesce(func.sum(members.debt), 0),
        func.count(),
    )
    outstanding, pending, debt, count = tx.connection.execute(figures).one()

    def total(kind: EntryKind) -> int:
        return sums.get(int(kind), 0)

    return views.ProgramTotals(
        issued=total(EntryKind.ISSUANCE),
        redeemed=total(EntryKind.REDEMPTION),
        expired=total(EntryKind.EXPIRY),
        reversed=total(EntryKind.REVERSAL),
        restored=total(EntryKind.RESTORATION),
        donated=total(EntryKind.DONATION),
        adjusted_up=total(EntryKind.ADJUSTMENT_UP),
        adjusted_down=total(EntryKind.ADJUSTMENT_DOWN),
        outstanding=int(outstanding),
        pending=int(pending),
        debt=int(debt),
        members=int(count),
    )
