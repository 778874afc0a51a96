"""The proof of one line, gone through step by step when its page is opened: what we hand out, and what the register says now.

The first steps need nobody: the opening, the path. The others ask the chain, once, for a bounded time; a step that could not be
asked says so, and says nothing else. Whoever distrusts all this runs `mereau verify`.
"""

from __future__ import annotations

from dataclasses import dataclass

from token_service.errors import TooManyRequests, TryAgain
from token_service.ledger.views import OnChain
from token_service.ledger.views import Receipt as Found
from token_service.pages import formats
from token_service.pages.services import Services
from token_service.pages.translation import gettext, ngettext
from token_service.protocol import merkle, receipts
from token_service.protocol.hashing import hash_to_bytes, to_hex
from token_service.protocol.receipts import Receipt
from token_service.protocol.settled_batch import Sighting, Wanted

AWAY = "away"
TOO_OFTEN = "too_often"


@dataclass(frozen=True)
class Step:
    """One thing that must hold. `held` None: it could not be checked now. `seen` puts what was compared into words."""

    claim: str
    held: bool | None
    seen: str | None = None


@dataclass(frozen=True)
class Climb:
    """One step of the path: with `sibling` one comes to `node`."""

    sibling: str
    node: str


@dataclass(frozen=True)
class Proof:
    """All steps, and the particulars behind them. `obstacle`: why the register was not asked, or None."""

    receipt: Receipt
    steps: tuple[Step, ...]
    leaf_hash: str
    climbs: tuple[Climb, ...]
    sighting: Sighting
    obstacle: str | None

    @property
    def has_failed(self) -> bool:
        """Whether a step was checked and does not hold."""
        return any(step.held is False for step in self.steps)

    @property
    def is_complete(self) -> bool:
        """Whether every step was checked and holds."""
        return all(step.held for step in self.steps)


def prove(given: Services, session_id: str, found: Found, receipt: Receipt, on_chain: OnChain) -> Proof:
    """The proof of a line that has its receipt."""
    sighting, obstacle = _seen_now(given, session_id, found, on_chain)
    leaf_hash = receipts.leaf_hash(receipt.leaf)
    nodes = merkle.path(leaf_hash, [hash_to_bytes(sibling) for sibling in receipt.proof])
    return Proof(
        receipt=receipt,
        steps=(*_own_steps(receipt), *_register_steps(receipt, sighting), _points_step(sighting, on_chain)),
        leaf_hash=to_hex(leaf_hash),
        climbs=tuple(Climb(sibling, to_hex(node)) for sibling, node in zip(receipt.proof, nodes, strict=True)),
        sighting=sighting,
        obstacle=obstacle,
    )


def _seen_now(given: Services, session_id: str, found: Found, on_chain: OnChain) -> tuple[Sighting, str | None]:
    if given.look is None or found.transaction_hash is None:
        return Sighting(), AWAY
    wanted = Wanted(
        contract=found.contract,
        operator=found.operator,
        seq=found.seq,
        transaction_hash=found.transaction_hash,
        account=on_chain.address,
        at_block=on_chain.block,
    )
    try:
        sighting = given.look(session_id, wanted)
    except TooManyRequests:
        return Sighting(), TOO_OFTEN
    except TryAgain:
        return Sighting(), AWAY
    is_whole = None not in (sighting.chain_id, sighting.is_mined, sighting.final_block, sighting.points)
    return sighting, None if is_whole else AWAY


def _own_steps(receipt: Receipt) -> tuple[Step, Step]:
    bare = Receipt(receipt.leaf, receipt.root, receipt.proof, receipt.outcome)
    opening = receipt.opening
    count = len(receipt.proof)
    return (
        Step(
            gettext("What this line says, together with its secret number, has the fingerprint on your receipt."),
            None if opening is None else receipts.opens(opening, receipt.leaf.commitment),
        ),
        Step(
            gettext(
                "From your receipt a path leads to the fingerprint of everything that was written together with it."
            ),
            receipts.proves(bare),
            ngettext("%(number)s step", "%(number)s steps", count, number=formats.number(count)),
        ),
    )


def _register_steps(receipt: Receipt, sighting: Sighting) -> tuple[Step, ...]:
    """What the register must say of the batch; a batch that is not there fails all that depends on it."""
    batch, leaf, block = sighting.batch, receipt.leaf, sighting.block_number
    asked = sighting.is_mined is not None
    is_there = asked and sighting.is_mined and sighting.chain_id == leaf.chain_id
    is_applied = receipt.outcome == "applied"
    accepted = gettext("The register accepted this line.")
    refused = gettext("The register refused this line, as your receipt says.")
    return (
        Step(
            gettext("The register holds, now, the transaction that your receipt comes from."),
            is_there if asked else None,
            None if block is None else gettext("block %(number)s", number=formats.number(block)),
        ),
        Step(
            gettext("In that transaction stands the fingerprint that the path leads to."),
            batch is not None and batch.receipts_root == receipt.root if asked else None,
        ),
        Step(
            gettext("In that transaction stand the same points for the same account."),
            batch is not None and receipts.agrees_with_words(leaf, batch.words) if asked else None,
        ),
        Step(
            accepted if is_applied else refused,
            batch is not None and (leaf.index not in batch.skipped) == is_applied if asked else None,
        ),
        _depth_step(sighting),
    )


def _depth_step(sighting: Sighting) -> Step:
    claim = gettext("It lies deep enough in the register not to change any more.")
    if sighting.is_mined is None or sighting.final_block is None or sighting.head is None:
        return Step(claim, None)
    if sighting.block_number is None:
        return Step(claim, held=False)
    count = sighting.head - sighting.block_number
    seen = ngettext("%(number)s block after it", "%(number)s blocks after it", count, number=formats.number(count))
    return Step(claim, sighting.block_number <= sighting.final_block, seen)


def _points_step(sighting: Sighting, on_chain: OnChain) -> Step:
    claim = gettext("The register counts as many points for you as our books say are written there.")
    if sighting.points is None or on_chain.block is None:
        return Step(claim, None)
    seen = gettext(
        "the register: %(register)s · our books: %(books)s",
        register=formats.number(sighting.points),
        books=formats.number(on_chain.points),
    )
    return Step(claim, sighting.points == on_chain.points, seen)
