"""Where a member stands in the challenges of the rules in force, what they completed, which badges they have."""

from __future__ import annotations

from sqlalchemy import select

from token_service.ledger import operations, tables, views
from token_service.ledger.balances import visible_account
from token_service.ledger.challenge_rows import read_steps
from token_service.ledger.challenge_tables import challenge_completions
from token_service.ledger.context import Actor, Context
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction, read
from token_service.program.challenge_schema import Challenge
from token_service.program.challenges import COMPLETED, Counted, challenge_named, challenge_of, progress
from token_service.program.facts import local_time


def completed_by(tx: Transaction, operation_id: str) -> tuple[views.Completed, ...]:
    """What a purchase completed, staged or stored; what was taken back since is left out."""
    staged = tx.staged.operations
    if any(one.id == operation_id for one in staged):  # recorded just now: nothing else can have followed from it
        new = (one for one in staged if one.parent_id == operation_id and one.kind == "event")
        return tuple(_completed(one) for one in new if one.facts["event"] == COMPLETED)
    done = [one for one in operations.children(tx, operation_id, "event") if one.facts["event"] == COMPLETED]
    if not done:
        return ()
    columns = challenge_completions.c
    back = select(columns.operation_id).where(
        columns.operation_id.in_([one.id for one in done]), columns.is_taken_back.is_(True)
    )
    gone = set(tx.connection.execute(back).scalars())
    return tuple(_completed(one) for one in done if one.id not in gone)


def list_challenges(context: Context, actor: Actor, member_id: str) -> tuple[views.ChallengeStanding, ...]:
    """Every challenge of the rules in force as it stands for the member today, in the rules' order. Raises NotFound."""

    def work(tx: Transaction) -> tuple[views.ChallengeStanding, ...]:
        account = visible_account(tx, actor, member_id)
        ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
        today = local_time(tx.now, ruleset.program.time_zone).date
        read_steps(tx, account, [one.id for one in ruleset.challenges])
        return tuple(
            _standing(one, tuple(account.challenge_steps[one.id].values()), today) for one in ruleset.challenges
        )

    return read(context, work)


def list_badges(context: Context, actor: Actor, member_id: str) -> tuple[views.Badge, ...]:
    """The member's badges, in the order in which they got them. Raises NotFound."""

    def work(tx: Transaction) -> tuple[views.Badge, ...]:
        account = visible_account(tx, actor, member_id)
        done, columns = tables.operations.c, challenge_completions.c
        query = (
            select(columns.subject, done.ruleset_hash, done.recorded_at)
            .join(tables.operations, done.id == columns.operation_id)
            .where(columns.member_id == account.id, columns.is_taken_back.is_(False))
            .order_by(done.seq)
        )
        found: dict[str, views.Badge] = {}
        for row in tx.connection.execute(query).all():
            challenge = challenge_named(tx.ruleset(row.ruleset_hash), challenge_of(row.subject))
            if challenge is not None and challenge.award.badge:
                found.setdefault(challenge.id, views.Badge(challenge.id, row.ruleset_hash, row.recorded_at))
        return tuple(found.values())

    return read(context, work)


def _standing(challenge: Challenge, counted: tuple[Counted, ...], today: str) -> views.ChallengeStanding:
    now = progress(challenge, counted, today)
    return views.ChallengeStanding(
        id=challenge.id,
        counts=challenge.count.kind,
        counted=now.counted,
        target=challenge.target,
        times=now.times,
        period=now.period,
        repeats=challenge.repeat == "always",
        starts=challenge.starts,
        until=challenge.until,
        points=challenge.award.points,
        reward_id=challenge.award.reward,
        badge=challenge.award.badge,
    )


def _completed(event: Operation) -> views.Completed:
    result = event.result
    return views.Completed(
        challenge_id=challenge_of(event.facts["subject"]),
        event_id=event.id,
        points=result["points"],
        voucher_id=result.get("voucher"),
        reward_id=result.get("reward"),
    )
