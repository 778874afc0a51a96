"""Blocks of the embedded chain: stamps, several transactions, refusals, reopening, the log table."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from embedded_programme import (
    CHAIN_ID,
    FUNDS,
    NOON,
    OPERATOR,
    OPERATOR_BYTES,
    POOR,
    Clock,
    Programme,
    member,
    new_chain,
    read,
    signed,
)

from token_service.chain.embedded import BadTransaction, EmbeddedChain, chain_id_from
from token_service.chain.embedded.machine import CHAIN_ID_END, CHAIN_ID_MIN
from token_service.chain.embedded.simulation import Call, simulate
from token_service.errors import BadSettings, DatabaseBusy, DiskFull, NotInitialised, OperatorError
from token_service.protocol.transactions import contract_address

SOMEBODY = "0x" + "11" * 20


def balance(chain: EmbeddedChain, address: bytes) -> int:
    with chain.view() as view:
        return view.state(view.head()).get_balance(address)


def test_the_genesis_funds_only_the_addresses_given(chain: EmbeddedChain) -> None:
    assert balance(chain, OPERATOR_BYTES) == FUNDS
    for well_known in range(1, 11):
        assert balance(chain, well_known.to_bytes(20, "big")) == 0


def test_it_stamps_a_block_with_the_clock(chain: EmbeddedChain, clock: Clock) -> None:
    clock.now = NOON + 3600
    assert chain.mine().block.header.timestamp == NOON + 3600


def test_stamps_rise_when_the_clock_stands_still_or_goes_back(chain: EmbeddedChain, clock: Clock) -> None:
    clock.now = NOON + 10
    assert chain.mine().block.header.timestamp == NOON + 10
    assert chain.mine().block.header.timestamp == NOON + 11
    clock.now = NOON - 5000
    assert chain.mine().block.header.timestamp == NOON + 12


def test_the_contract_sees_the_stamp_of_its_own_block(chain: EmbeddedChain, clock: Clock) -> None:
    clock.now = NOON + 777
    # runtime code: return block.timestamp
    chain.mine([signed(0, to=None, data=bytes.fromhex("60078060095f395ff3425f5260205ff3"))])
    clock.now = NOON + 900
    number = chain.mine().number
    created = bytes.fromhex(contract_address(OPERATOR.address, 0)[2:])
    with chain.view() as view:
        for header, stamp in ((view.header(number - 1), NOON + 777), (view.header(number), NOON + 900)):
            result = simulate(view, header, Call(bytes(20), created, b"", 0, 100_000))
            assert int.from_bytes(result.output, "big") == stamp


def test_a_block_holds_several_transactions(chain: EmbeddedChain) -> None:
    mined = chain.mine([signed(n, to=SOMEBODY, value=1) for n in range(20)])
    assert len(mined.receipts) == 20
    assert balance(chain, bytes.fromhex("11" * 20)) == 20


@pytest.mark.parametrize(
    ("raw", "position"),
    [
        (signed(5, to=SOMEBODY), 1),
        (signed(0, to=SOMEBODY), 1),
        (signed(1, to=SOMEBODY, value=2 * FUNDS), 1),
        (signed(1, to=SOMEBODY, gas=20_999), 1),
        (signed(1, to=SOMEBODY, gas=60_000_001), 1),
        (signed(1, to=SOMEBODY, maxFeePerGas=1, maxPriorityFeePerGas=0), 1),
        (signed(1, to=SOMEBODY, chain_id=1), 1),
        (signed(1, to=SOMEBODY, gasPrice=10**11, chainId=None), 1),
        (b"", 1),
        (b"\x02\xc0", 1),
        (b"\xff" * 100, 1),
        (signed(1, to=SOMEBODY)[:-1], 1),
    ],
)
def test_a_bad_transaction_changes_nothing(chain: EmbeddedChain, raw: bytes, position: int) -> None:
    with pytest.raises(BadTransaction) as refusal:
        chain.mine([signed(0, to=SOMEBODY, value=1), raw, signed(1, to=SOMEBODY)])
    assert refusal.value.position == position
    with chain.view() as view:
        assert view.head().block_number == 0
    assert balance(chain, bytes.fromhex("11" * 20)) == 0
    assert chain.mine([signed(0, to=SOMEBODY, value=1)]).number == 1
    assert balance(chain, bytes.fromhex("11" * 20)) == 1


def test_a_sender_without_funds_is_refused(chain: EmbeddedChain) -> None:
    raw = bytes(
        POOR.sign_transaction(
            {"chainId": CHAIN_ID, "nonce": 0, "gas": 21000, "gasPrice": 10**11, "to": SOMEBODY, "value": 0}
        ).raw_transaction
    )
    with pytest.raises(BadTransaction):
        chain.mine([raw])


def test_a_reverted_transaction_is_in_its_block(programme: Programme) -> None:
    programme.seq += 5  # out of sequence
    mined = programme.chain.mine([programme.issue(1, 1)])
    assert mined.receipts[0].state_root == b""
    assert mined.receipts[0].logs == ()


def test_it_goes_on_after_reopening(programme: Programme, tmp_path: Path, clock: Clock) -> None:
    programme.mine(programme.issue(40, 1, 2))
    number = programme.chain.mine().number
    programme.chain.close()
    reopened = EmbeddedChain(tmp_path / "chain.db", clock=clock)
    again = Programme.resume(reopened)
    assert again.mine(again.issue(2, 1)).number == number + 1
    with reopened.view() as view:
        assert read(view, again.contract, "balanceOf", member(1)) == 42
        assert read(view, again.contract, "totalSupply") == 82
    reopened.close()


def test_the_chain_id_lies_in_the_genesis(tmp_path: Path) -> None:
    first, second = new_chain(tmp_path / "a.db", chain_id=2**50), new_chain(tmp_path / "b.db", chain_id=2**50 + 1)
    with first.view() as one, second.view() as two:
        assert (one.chain_id, two.chain_id) == (2**50, 2**50 + 1)
        assert one.head().hash != two.head().hash
    first.close()
    second.close()
    reopened = EmbeddedChain(tmp_path / "a.db", clock=Clock())
    assert reopened.chain_id == 2**50
    reopened.close()


def test_making_a_chain_twice_keeps_the_first(tmp_path: Path) -> None:
    first = new_chain(tmp_path / "chain.db", chain_id=2**50)
    first.mine()
    first.close()
    second = new_chain(tmp_path / "chain.db", chain_id=2**50 + 1)
    with second.view() as view:
        assert (second.chain_id, view.head().block_number) == (2**50, 1)
    second.close()


def test_chain_ids_are_drawn_between_the_bounds() -> None:
    assert chain_id_from(bytes(8)) == CHAIN_ID_MIN
    drawn = {chain_id_from(n.to_bytes(8, "big") * 2) for n in range(0, 2**64, 2**56)}
    assert len(drawn) == 256
    assert all(CHAIN_ID_MIN <= found < CHAIN_ID_END for found in drawn)
    with pytest.raises(BadSettings):
        chain_id_from(b"short")


@pytest.mark.parametrize("chain_id", [0, -1, 2**52])
def test_it_refuses_a_chain_id_that_wallets_cannot_hold(tmp_path: Path, chain_id: int) -> None:
    with pytest.raises(BadSettings):
        new_chain(tmp_path / "chain.db", chain_id=chain_id)


def test_opening_where_no_chain_is_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotInitialised):
        EmbeddedChain(tmp_path / "chain.db", clock=Clock())


def test_a_file_that_is_no_database_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "chain.db").write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    with pytest.raises(OperatorError, match="chain's file"):
        EmbeddedChain(tmp_path / "chain.db", clock=Clock())


def test_the_pace_is_one_block_for_each_second_of_the_clock(tmp_path: Path, clock: Clock) -> None:
    chain = new_chain(tmp_path / "chain.db", clock, is_instant=False)
    clock.now += 1
    assert chain.is_due
    chain.mine()
    assert not chain.is_due
    clock.now += 1
    assert chain.is_due
    chain.mine()
    clock.now -= 3600  # set back: no reason to stop
    assert chain.is_due
    chain.close()


def test_the_log_table_equals_the_receipts(programme: Programme) -> None:
    programme.mine(programme.issue(5, *range(1, 30)), programme.issue(6, 1, 2), programme.issue(7, 3))
    programme.mine()
    programme.mine(programme.issue(8, 1))
    expected = []
    with programme.chain.view() as view:
        for number in range(view.head().block_number + 1):
            header, position = view.header(number), 0
            for place, receipt in enumerate(view.receipts(header)):
                for log in receipt.logs:
                    topics = [topic.to_bytes(32, "big") for topic in log.topics]
                    padded = topics + [None] * (4 - len(topics))
                    expected.append((number, position, place, log.address, *padded, log.data))
                    position += 1
    with sqlite3.connect(f"file:{programme.chain.path}?mode=ro", uri=True) as file:
        assert file.execute("select * from logs order by block, position").fetchall() == expected
        hashes = file.execute("select block, position, hash from transactions order by block, position").fetchall()
    assert len(expected) > 40
    with programme.chain.view() as view:
        for number, place, found in hashes:
            located = view.transaction(found)
            assert located is not None
            assert (located.header.block_number, located.position) == (number, place)


def test_a_full_disk_changes_nothing_and_the_chain_goes_on_when_there_is_room(programme: Programme) -> None:
    store = programme.chain._store
    pages = store.connection.execute("pragma page_count").fetchone()[0]
    raw = programme.issue(5, *range(1, 60))
    store.connection.execute(f"pragma max_page_count = {pages + 1}")
    with programme.chain.view() as view:
        before = view.head().block_number
    with pytest.raises(DiskFull):
        programme.chain.mine([raw])
    with programme.chain.view() as view:
        assert view.head().block_number == before
        assert read(view, programme.contract, "totalSupply") == 0
    store.connection.execute("pragma max_page_count = 1073741823")
    assert programme.mine(raw).number == before + 1


def test_a_locked_file_is_said_and_changes_nothing(programme: Programme) -> None:
    programme.chain._store.connection.execute("pragma busy_timeout = 50")
    raw = programme.issue(5, 1)
    other = sqlite3.connect(programme.chain.path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(DatabaseBusy):
        programme.chain.mine([raw])
    other.execute("rollback")
    other.close()
    programme.mine(raw)
