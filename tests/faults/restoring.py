"""The ledger's database is lost under load and put back to a copy of some time ago, as docs/operators.md says: all stopped, the
copy restored, `mereau repair`, all started, and the tills send again what they were told of since the copy.
"""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from fault_invariants import look_before_a_repair
from tills import Answered, Till, points_of
from town import Copy, Town

from token_service.chain.settlement.lanes import read_lanes

REPAIR_SECONDS = 60
REPAIRS_MAX = 3
KEPT = 3
NOT_YET = 69
"""The exit code of `mereau repair` while the chain's newest batches may still change."""


def restored_backup(town: Town, luck: random.Random) -> None:
    """A copy is made while the tills work; some seconds later the database is lost, and that copy comes back, or an older one
    since which there were other troubles, too."""
    dump(town)
    time.sleep(luck.uniform(0.5, 6))
    town.stop_all(at_once=luck.random() < 0.5)
    with town.journal.closed():
        look_before_a_repair(town)
        copy = luck.choice(town.copies)
        restore(town, copy)
        bring_up_to_the_chain(town)
        town.start_serving()
        sent_again_since(town, copy)


def dump(town: Town) -> None:
    answered = len(town.journal.answered)
    path = town.deployment.folder / f"ledger-{time.monotonic_ns()}.dump"
    _program(town, "pg_dump", "--format=custom", f"--file={path}", town.direct_url)
    town.copies = [*town.copies, Copy(path, answered)][-KEPT:]


def restore(town: Town, copy: Copy) -> None:
    """The copy in an empty database; `receipts/`, `keys/` and the chain stay as they are. Later copies are of a ledger
    that is gone."""
    town.copies = town.copies[: town.copies.index(copy) + 1]
    town.restores += 1
    town.new_database()
    _program(town, "pg_restore", "--no-owner", f"--dbname={town.direct_url}", str(copy.path))


def bring_up_to_the_chain(town: Town) -> None:
    """Repaired; then what the copy knew to be on its way is settled. Behind that a transaction of the lost time may have waited
    in the node, and lands: then once more."""
    town.start_signer()
    for _ in range(REPAIRS_MAX):
        report = repaired(town)
        assert report["unopened"] == [], report
        town.deployment.run("settle", "--wait", "--timeout", str(REPAIR_SECONDS))
        with town.books.store.read() as connection:
            states = {lane.state for lane in read_lanes(connection)}
        if "halted" not in states:
            break
        look_before_a_repair(town)  # a batch that can never land is taken out of the ledger
    else:
        raise AssertionError(f"the chain is ahead after {REPAIRS_MAX} repairs")
    town.kill_signer()


def repaired(town: Town) -> Any:
    """What `mereau repair` did, tried again while it asks for that."""
    until = time.monotonic() + REPAIR_SECONDS
    while True:
        done = town.deployment.run("repair", "--json", seconds=600)
        if done.returncode == 0:
            return json.loads(done.stdout)
        assert done.returncode == NOT_YET, done.stdout + done.stderr
        assert time.monotonic() < until, done.stderr
        time.sleep(0.5)


def sent_again_since(town: Town, copy: Copy) -> None:
    """In the order of their answers. What is known is answered as it was; what was lost is done now, and has another id."""
    journal = town.journal
    known, since = journal.answered[: copy.answered], journal.answered[copy.answered :]
    till = Till("again", town.deployment.url, town.key, town.members, journal, 0)
    try:
        journal.answered = [*known, *_asked_again(till, since)]
    finally:
        till.session.close()


def _asked_again(till: Till, since: Sequence[Answered]) -> list[Answered]:
    found = []
    for one in since:
        answer = till.until_told(one.asked)
        if answer is None:  # it was lost, and now the balance does not allow it
            till.journal.given_up.add(one.asked.reference)
            continue
        found.append(Answered(one.asked, answer["id"], points_of(one.kind, answer)))
        if answer["id"] != one.id:
            till.journal.renamed[one.id] = answer["id"]
    return found


def _program(town: Town, name: str, *words: str) -> None:
    done = subprocess.run(
        [str(town.postgresql.programs / name), *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
