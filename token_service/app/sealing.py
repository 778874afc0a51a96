"""Members' keys sealed anew for the newest sealing key, while the service runs. May stop anywhere and be run again."""

from __future__ import annotations

from collections.abc import Callable

from token_service.app.application import Application
from token_service.custody.signer import RESEAL_MAX
from token_service.ledger.sealed_keys import replace_sealed_keys, sealed_keys
from token_service.protocol.binds import SealedMember


def reseal_members(application: Application, told: Callable[[int, int], None] = lambda seen, changed: None) -> int:
    """How many boxes were sealed anew in one pass over all members; `told` hears after each chunk how many were seen and changed.

    Raises SignerUnavailable, InvariantBroken (a box opens with neither key).
    """
    signer = application.make_signer(application.program().contract)
    after, seen, changed = "", 0, 0
    while rows := sealed_keys(application.store, after, RESEAL_MAX):
        boxes = signer.reseal([SealedMember(address, box) for _, address, box in rows])
        changes = [(member_id, old, new) for (member_id, _, old), new in zip(rows, boxes, strict=True) if old != new]
        if changes:
            changed += replace_sealed_keys(application.store, changes)
        after, seen = rows[-1][0], seen + len(rows)
        told(seen, changed)
    return changed
