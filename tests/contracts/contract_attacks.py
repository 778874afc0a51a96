"""What the attack tests share."""

from __future__ import annotations

from contract_program import Program, charlie


def reasons(program: Program, *words: int) -> dict[int, int]:
    """Settles a batch; index => reason of what was skipped."""
    return {event["index"]: event["reason"] for event in program.settle(words).named("EntrySkipped")}


def until(program: Program, second: int) -> None:
    """The next block bears this time."""
    program.wait(second - 1 - program.now)


def deployed_code(program: Program, code: bytes) -> bytes:
    """The address of a contract with this runtime code (at most 255 bytes)."""
    size = f"{len(code):02x}"
    program.now += 1
    sent = program.chain.send(charlie, None, bytes.fromhex(f"60{size}600a5f3960{size}5ff3") + code, at=program.now)
    assert sent.contract is not None
    return sent.contract
