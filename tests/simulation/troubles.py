"""What goes wrong around the workers: each function does it once, or ends it."""

from __future__ import annotations

from collections.abc import Callable

from contract_model import DAY, NO_LIMIT
from fake_chain import RICH
from keys import ADMIN, GUARD, OPERATORS, address, member_address, sign, understood
from sqlalchemy import update
from template import MEMBERS
from world import MAX_FEE, World

from token_service.chain.admin_calls import ROLES
from token_service.ledger.admin_operations import enqueue
from token_service.ledger.settlement_tables import lanes
from token_service.protocol.transactions import Transaction


def reorg(world: World) -> None:
    depth = world.chain.reorganise(world.dice.randint(1, world.plan.depth), world.unix())
    world.tell(f"{depth} blocks are replaced")


def forget(world: World) -> None:
    """A node restarts and its mempool is gone, or drops some of it."""
    world.chain.forget(world.dice.choice((0.3, 1.0)))
    world.tell("the mempool forgets")


def spike(world: World) -> None:
    world.chain.demand = world.dice.choice((0.2, 1.0, 2.0, 2.0))
    world.tell(f"demand is {world.chain.demand}")


def pause(world: World) -> None:
    name = world.dice.choice(("pause", "unpause"))
    world.chain.order(name)
    world.tell(f"somebody orders {name}")


def freeze(world: World) -> None:
    account, frozen = member_address(world.dice.randrange(MEMBERS)), world.dice.random() < 0.5
    world.chain.order("setFrozen", account, frozen)
    world.tell(f"somebody {'freezes' if frozen else 'thaws'} {account}")


def funds(world: World) -> None:
    account, wei = address(world.dice.choice(OPERATORS)), world.dice.choice((0, 10**15, RICH))
    world.chain.fund(account, wei)
    world.tell(f"{account} has {wei} wei")


def role(world: World) -> None:
    name, operator = world.dice.choice(("revokeRole", "grantRole")), address(world.dice.choice(OPERATORS))
    if is_retiring(world, operator):
        return
    world.chain.order(name, ROLES["settler"], operator)
    world.tell(f"somebody orders {name} of {operator}")


def ceiling(world: World) -> None:
    points = world.dice.choice((0, 50, 200, NO_LIMIT))
    world.chain.order("setCeiling", 2, points, 0)
    world.tell(f"the ceiling of party 2 is {points}")


def debit_limit(world: World) -> None:
    operator, points = address(world.dice.choice(OPERATORS)), world.dice.choice((0, 100, NO_LIMIT))
    world.chain.order("setDebitLimit", operator, points)
    world.tell(f"the debit limit of {operator} is {points}")


def jump(world: World) -> None:
    """The wall clock jumps, once in a while by more than a pause may last; seconds that only count on (monotonic) do not."""
    seconds = world.dice.choice((-3600, -60, 60, 3600, 8 * DAY))
    world.offset += seconds
    world.tell(f"the clock jumps by {seconds} s")


def order(world: World) -> None:
    """The programme's own administration, through the ledger and the admin key."""
    kind = world.dice.choice(("pause", "unpause", "set_frozen"))
    account = member_address(world.dice.randrange(MEMBERS))
    arguments = {"account": account, "frozen": world.dice.random() < 0.5} if kind == "set_frozen" else {}
    with world.store.write() as connection:
        enqueue(connection, operation_id=world.new_id("adm"), kind=kind, arguments=arguments, created_at=world.now())
    world.tell(f"the administration orders {kind}")


def retire(world: World) -> None:
    with world.store.write() as connection:
        connection.execute(update(lanes).where(lanes.c.number == 1).values(is_retiring=True))
    world.tell("lane 1 retires")


def thief(world: World) -> None:
    """Somebody else has an operator's key and uses the next nonce; once."""
    operator = address(OPERATORS[0])
    if world.foreign:
        return
    nonce = world.chain.head.state.nonces.get(operator, 0)
    body = Transaction(world.chain_id, nonce, 10**10, 2 * MAX_FEE, 100_000, GUARD, 0, b"")
    sent = understood(sign(operator, body))
    world.foreign.add(sent.hash)
    world.chain.keep(sent)
    world.tell(f"a thief uses nonce {nonce} of {operator}")


def sleep(world: World) -> None:
    """A worker stands still for long in the middle of what it does, and wakes with what it knew then (SIGSTOP)."""
    worker = world.dice.choice(world.workers)
    if worker.place and not any(other.naps for other in world.workers):
        worker.naps = world.dice.randint(10, 40)
        world.tell(f"{worker.name} falls asleep at {worker.place}")


def is_retiring(world: World, operator: str) -> bool:
    row = world.file.execute("select is_retiring from lanes where operator = ?", (operator,)).fetchone()
    return row is not None and bool(row["is_retiring"])


TROUBLES: dict[str, Callable[[World], None]] = {
    one.__name__: one
    for one in (
        reorg,
        forget,
        spike,
        pause,
        freeze,
        funds,
        role,
        ceiling,
        debit_limit,
        jump,
        order,
        sleep,
        retire,
        thief,
    )
}


def keep_running(world: World) -> None:
    """Whoever paused the programme, froze somebody or took a role that a lane still needs, a person ends it."""
    chain, state = world.chain, world.chain.head.state.contract
    if chain.orders:
        return
    if chain.head.timestamp < state.points.paused_until:
        chain.order("unpause")
    for account in state.frozen():
        chain.order("setFrozen", account, False)
    for lane in world.file.execute("select operator from lanes where reason_code = 'role_missing'").fetchall():
        chain.order("grantRole", ROLES["settler"], lane["operator"])


def end_all(world: World) -> None:
    """Everything that somebody must put right is put right."""
    chain = world.chain
    chain.orders.clear()
    chain.demand = 0.2
    for operator in map(address, OPERATORS):
        chain.fund(operator, RICH)
        chain.order("setDebitLimit", operator, NO_LIMIT)
        if not is_retiring(world, operator):
            chain.order("grantRole", ROLES["settler"], operator)
    chain.fund(ADMIN, RICH)
    chain.order("setCeiling", 2, NO_LIMIT, 0)
    world.tell("all troubles end")
