"""What can go wrong with running processes: each a name and what brings it about, and lifts it again.

The numbers are the groups of faults of the design's settlement reference; docs/settlement.md says where each group is tried.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import requests
from fault_proxy import ANY, SEND, Fault
from restoring import restored_backup
from tills import Answered, Asked
from town import CONFIRMATIONS, Town
from wires import Cut

from token_service.chain.settlement.failpoints import FAILPOINTS
from token_service.ledger import admin_operations as orders
from token_service.protocol.hashing import to_hex
from token_service.units import WEI_PER_GWEI

DEATH_SECONDS = 6
Inject = Callable[[Town, random.Random], None]


@dataclass(frozen=True, slots=True)
class Trouble:
    """`inject` returns when it is over; the tills work meanwhile."""

    name: str
    groups: tuple[int, ...]
    inject: Inject


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true in time."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def dies_at(name: str) -> Inject:
    """A worker dies at that place; another comes."""

    def inject(town: Town, luck: random.Random) -> None:
        wanted = len(town.workers)
        town.kill(luck.choice(town.workers))
        doomed = town.worker(failpoint=f"{name}:{luck.randint(1, 3)}")
        if until(lambda: doomed.poll() is not None, DEATH_SECONDS):
            assert doomed.returncode == -signal.SIGKILL, town.deployment.log()[-2000:]
        town.revive(wanted)

    return inject


def kill_9(town: Town, luck: random.Random) -> None:
    wanted = len(town.workers)
    town.kill(luck.choice(town.workers))
    town.revive(wanted)


def stop_for(seconds: float) -> Inject:
    """A worker stands still, its leases run out, another takes over, and it wakes up with what it knew."""

    def inject(town: Town, luck: random.Random) -> None:
        stopped = luck.choice(town.workers)
        stopped.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        stopped.send_signal(signal.SIGCONT)
        time.sleep(1)

    return inject


def wire_faults(*faults: Fault, seconds: float = 30) -> Inject:
    """Sends and reads meet each of them."""

    def inject(town: Town, luck: random.Random) -> None:
        after = [fault for fault in faults if fault.reaches_the_node]
        town.node_wire.plan(SEND, *luck.sample(after, min(2, len(after))))
        town.node_wire.plan(ANY, *luck.sample(faults, 2))
        assert until(lambda: town.node_wire.is_through, seconds), "the wire's faults met no call"

    return inject


def database_cuts(*cuts: Cut) -> Inject:
    """The wire breaks at the COMMIT of whoever commits next: web or worker."""

    def inject(town: Town, luck: random.Random) -> None:
        for cut in cuts:
            town.database_wire.plan(cut)
            assert until(lambda: town.database_wire.is_through, 10), "nobody committed"
            time.sleep(0.2)
        town.database_wire.cut_all()

    return inject


def signer_dies(town: Town, luck: random.Random) -> None:
    """Nothing can be signed for a while; requests go on, and what was signed goes on."""
    town.kill_signer()
    before = len(town.journal.answered)
    assert until(lambda: len(town.journal.answered) > before, 10), "the tills wait for the signer"
    time.sleep(1)
    town.start_signer()


def node_restart(town: Town, luck: random.Random) -> None:
    """The node is killed, loses what it had not mined, and comes back a moment later."""
    town.anvil.kill_9()
    time.sleep(0.5)
    town.anvil.start_again()
    time.sleep(1)


def dropped(town: Town, luck: random.Random) -> None:
    """The node forgets the transactions it holds, three times."""
    for _ in range(3):
        time.sleep(0.2)
        town.anvil.request("anvil_dropAllTransactions")


def reorganised(town: Town, luck: random.Random) -> None:
    """Blocks that are not final are replaced by empty ones."""
    time.sleep(0.7)
    town.anvil.request("anvil_reorg", luck.randint(1, CONFIRMATIONS), [])


def sent_again(town: Town, luck: random.Random) -> None:
    """All that was ever sent is sent once more, by somebody else."""
    time.sleep(0.5)
    refusals = 0
    for raw in list(dict.fromkeys(town.node_wire.raws))[-40:]:
        answer = requests.post(
            town.anvil.url, json={"jsonrpc": "2.0", "id": 1, "method": SEND, "params": [to_hex(raw)]}, timeout=10
        )
        refusals += "error" in answer.json()
    assert refusals or not town.node_wire.raws


def out_of_funds(town: Town, luck: random.Random) -> None:
    """An operator cannot pay for gas; a moment later it can."""
    operator = luck.choice(town.operators)
    town.anvil.request("anvil_setBalance", operator, "0x0")
    time.sleep(2)
    town.anvil.fund(operator)


def gas_spike(town: Town, luck: random.Random) -> None:
    """Gas costs more than the ceiling for some blocks."""
    town.anvil.request("anvil_setNextBlockBaseFeePerGas", hex(200 * WEI_PER_GWEI))
    time.sleep(2)
    town.anvil.request("anvil_setNextBlockBaseFeePerGas", hex(WEI_PER_GWEI))


def paused(town: Town, luck: random.Random) -> None:
    """The programme is paused while batches are on their way, and goes on."""
    for kind in ("pause", "unpause"):
        _ordered(town, kind)


def role_lost(town: Town, luck: random.Random) -> None:
    """A lane's operator loses its role in flight and gets it back: the contract skips nothing of it."""
    operator = town.operators[1]
    role = {"role": "settler", "account": operator}
    for kind in ("revoke_role", "grant_role"):
        _ordered(town, kind, **role)


def _ordered(town: Town, kind: str, **arguments: Any) -> None:
    """An order to the contract's administration, carried out before this returns."""
    context = town.books.context
    operation_id = context.new_id("adm")
    with context.store.write() as connection:
        orders.enqueue(connection, operation_id=operation_id, kind=kind, arguments=arguments, created_at=context.now())

    def is_done() -> bool:
        (order,) = orders.get_operations(context.store, [operation_id])
        assert order.state != "failed", order.error
        return order.state == "final"

    assert until(is_done, 30), f"{kind} was not carried out"


def one_reference_at_once(town: Town, luck: random.Random) -> None:
    """Twenty tills name the same purchase at the same moment."""
    body = {
        "reference": f"at-once-{luck.random()}",
        "member_id": luck.choice(town.members),
        "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "total": {"amount": 1000, "currency": "EUR"},
    }
    with ThreadPoolExecutor(20) as tills:
        answers = [one.result() for one in [tills.submit(_asked, town, body) for _ in range(20)]]
    assert len({answer["id"] for answer in answers}) == 1
    asked = Asked("purchase", str(body["reference"]), body)
    town.journal.note(Answered(asked, answers[0]["id"], int(answers[0]["points"])))


def _asked(town: Town, body: dict[str, Any]) -> dict[str, Any]:
    """Answered in the end, whoever came first."""
    headers = {"Authorization": f"Bearer {town.key}"}
    while True:
        answer = requests.post(f"{town.deployment.url}/v1/purchases", json=body, headers=headers, timeout=30)
        if answer.status_code in (200, 201):
            found: dict[str, Any] = answer.json()
            return found
        assert answer.status_code >= 500 or answer.status_code == 429, answer.text
        time.sleep(0.1)


QUICK_FAULTS: Final = (
    Fault.RESET_AFTER,
    Fault.HTML_AFTER,
    Fault.TRUNCATED_AFTER,
    Fault.UNAVAILABLE,
    Fault.RATE_LIMITED,
    Fault.HTML,
    Fault.RESET,
)
SLOW_FAULTS: Final = (Fault.TIMEOUT_AFTER, Fault.HANG, Fault.DRIP)
WORK: Final = ("lease", "plan", "push", "index", "track", "finalize")
UNDER_LOAD: Final = (
    *(f"{name}.{side}_commit" for name in WORK for side in ("before", "after")),
    "push.before_send",
    "push.after_send",
    "receipts.before_write",
    "receipts.after_write",
)
assert set(UNDER_LOAD) <= FAILPOINTS

_ALL: Final = (
    *(Trouble(f"dies at {name}", (1,), dies_at(name)) for name in UNDER_LOAD),
    Trouble("kill -9", (1, 14), kill_9),
    Trouble("wire", (2,), wire_faults(*QUICK_FAULTS)),
    Trouble("slow wire", (2,), wire_faults(*SLOW_FAULTS, seconds=120)),
    Trouble("sent again", (3,), sent_again),
    Trouble("node restart", (4,), node_restart),
    Trouble("dropped", (4,), dropped),
    Trouble("reorganised", (5,), reorganised),
    Trouble("out of funds", (9,), out_of_funds),
    Trouble("paused", (10,), paused),
    Trouble("role lost", (10,), role_lost),
    Trouble("gas spike", (11,), gas_spike),
    Trouble("database cut", (13,), database_cuts(Cut.BEFORE_COMMIT, Cut.AFTER_COMMIT)),
    Trouble("stopped", (14,), stop_for(2)),
    Trouble("signer dies", (14,), signer_dies),
    Trouble("stopped for a minute", (14,), stop_for(60)),
    Trouble("restored backup", (15,), restored_backup),
    Trouble("one reference at once", (17,), one_reference_at_once),
)
TROUBLES: Final = {one.name: one for one in _ALL}
