"""The proof, checked on the spot: what holds, what a register that says otherwise fails, and a register that is away or slow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from pages_settled import Settled
from pages_town import Browser
from sqlalchemy import select, update
from test_wallet_page import FORBIDDEN, words

from token_service.app.web import create_web
from token_service.chain.embedded import EmbeddedReader
from token_service.chain.looking import BoundedLook
from token_service.chain.rpc_facade import snapshot_node
from token_service.errors import NodeUnreachable, RpcError
from token_service.ledger.tables import entries
from token_service.pages import Look
from token_service.protocol import abi, events

Bend = Callable[[str, list[Any], Any], Any]
HELD, AWAY, FAILED = "✓", "could not be checked now", "✗"
STEPS = 8
OWN_STEPS = 2
"""The opening and the path need nobody."""


def honest(method: str, params: list[Any], answer: Any) -> Any:
    return answer


@dataclass
class BentWire:
    """The real chain of the deployment; `bend` may change what comes over the wire."""

    reader: EmbeddedReader
    bend: Bend = honest
    asked: list[str] = field(default_factory=list)

    @contextmanager
    def open_node(self) -> Iterator[Any]:
        with snapshot_node(self.reader) as inner:
            yield _Bent(self, inner)

    def look(self, *, depth: int | None = 0, seconds: float = 5) -> Look:
        bounded = BoundedLook(self.open_node, depth, seconds=seconds)
        return lambda who, wanted: bounded(wanted)


@dataclass
class _Bent:
    wire: BentWire
    inner: Any

    def request(self, method: str, params: list[Any]) -> Any:
        self.wire.asked.append(method)
        return self.wire.bend(method, params, self.inner.request(method, params))


@pytest.fixture
def wire(settled: Settled) -> Iterator[BentWire]:
    reader = EmbeddedReader(settled.application.chain_path)
    yield BentWire(reader)
    reader.close()


@pytest.fixture(scope="module")
def enter(settled: Settled) -> Callable[[Flask], Browser]:
    """A browser of an application, in the one session that Alice signed in to."""
    first = Browser(settled.town.app().test_client())
    first.sign_in(settled.town)
    cookie = first.client.get_cookie("session")
    assert cookie is not None

    def browser_of(app: Flask) -> Browser:
        browser = Browser(app.test_client())
        browser.client.set_cookie("session", cookie.value)
        return browser

    return browser_of


@pytest.fixture
def read(settled: Settled, wire: BentWire, enter: Callable[[Flask], Browser]) -> Callable[..., str]:
    """The page of Alice's oldest line, with the register at the end of this wire."""

    def page(bend: Bend = honest, language: str = "en", path: str | None = None, **more: Any) -> str:
        wire.bend = bend
        browser = enter(settled.town.app(look=wire.look(**more)))
        browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        answer = browser.get(path or f"/wallet/entries/{settled.lines[-1].id}")
        assert answer.status_code == 200
        return answer.text

    return page


def verdicts(page: str) -> list[str]:
    """held, failed or unasked, step by step."""
    steps = page.partition('<ol class="steps">')[2].partition("</ol>")[0]
    return [part.partition('"')[0] for part in steps.split('<li class="')[1:]]


def test_an_honest_register_bears_every_step_out(settled: Settled, wire: BentWire, read: Callable[..., str]) -> None:
    page = read()
    assert verdicts(page) == ["held"] * STEPS
    text = words(page)
    assert "Everything agrees: your receipt, the register, and our books." in text
    assert "the register: 1,226 · our books: 1,226" in text
    assert text.index("On ") < text.index("Checked just now") < text.index("Particulars for those who check")
    assert FORBIDDEN.findall(text.partition("Particulars")[0]) == []
    assert {"eth_getTransactionReceipt", "eth_getTransactionByHash", "eth_call"} <= set(wire.asked)


def test_the_french_page_says_the_same(read: Callable[..., str]) -> None:
    text = words(read(language="fr"))
    assert "Tout concorde : votre reçu, le registre et nos livres." in text
    assert FORBIDDEN.findall(text.partition("Précisions")[0]) == []


def test_every_written_line_is_proved_debits_too(settled: Settled, read: Callable[..., str]) -> None:
    for line in settled.lines[1:]:
        assert verdicts(read(path=f"/wallet/entries/{line.id}")) == ["held"] * STEPS


def test_the_particulars_go_from_the_receipt_to_the_root(settled: Settled, read: Callable[..., str]) -> None:
    text = words(read())
    receipt = text.partition("Particulars for those who check")[2]
    assert settled.lines[-1].settlement.transaction_hash in receipt
    root = receipt.partition("The root that the receipt names ")[2].split()[0]
    assert receipt.partition("The root that the chain says now ")[2].split()[0] == root
    assert receipt.split(" leads to ")[-1].split()[0] == root
    assert "--contract" in receipt.partition("Without us")[2]
    assert f"mereau verify {settled.lines[-1].id}.json --rpc http://localhost/rpc" in receipt


def test_a_line_on_its_way_asks_nobody(settled: Settled, wire: BentWire, read: Callable[..., str]) -> None:
    assert verdicts(read(path=f"/wallet/entries/{settled.lines[0].id}")) == []
    assert wire.asked == []


def test_no_other_page_asks_the_chain(settled: Settled, wire: BentWire, read: Callable[..., str]) -> None:
    for path in ("/wallet", "/statement", "/statement.csv", "/rewards", "/rewards/hamper", "/vouchers", "/preferences"):
        read(path=path)
    read(path=f"/wallet/entries/{settled.lines[-1].id}/receipt.json")
    assert wire.asked == []


# --- A register that says otherwise -----------------------------------------------------------------------------------


def without_the_transaction(method: str, params: list[Any], answer: Any) -> Any:
    return None if method == "eth_getTransactionReceipt" else answer


def from_another_fork(method: str, params: list[Any], answer: Any) -> Any:
    return answer | {"blockHash": "0x" + "ab" * 32} if method == "eth_getTransactionReceipt" else answer


def failed_there(method: str, params: list[Any], answer: Any) -> Any:
    return answer | {"status": "0x0"} if method == "eth_getTransactionReceipt" else answer


def with_another_root(method: str, params: list[Any], answer: Any) -> Any:
    if method != "eth_getTransactionReceipt":
        return answer
    topic = events.topic(events.BatchSettled)
    logs = [
        log | {"data": "0x" + "cd" * 32 + log["data"][66:]} if log["topics"][0] == topic else log
        for log in answer["logs"]
    ]
    return answer | {"logs": logs}


def with_other_points(method: str, params: list[Any], answer: Any) -> Any:
    if method != "eth_getTransactionByHash":
        return answer
    head, words_ = answer["input"][: 10 + 5 * 64], answer["input"][10 + 5 * 64 :]
    return answer | {"input": head + f"{int(words_[:64], 16) + 1:064x}" + words_[64:]}


def having_skipped_it(method: str, params: list[Any], answer: Any) -> Any:
    if method != "eth_getTransactionReceipt":
        return answer
    settled = next(log for log in answer["logs"] if log["topics"][0] == events.topic(events.BatchSettled))
    skip = settled | {
        "topics": [events.topic(events.EntrySkipped), *settled["topics"][1:3]],
        "data": "0x" + abi.encode(["uint256", "uint8"], [0, 4]).hex(),
    }
    return answer | {"logs": [*answer["logs"], skip]}


def with_fewer_points(method: str, params: list[Any], answer: Any) -> Any:
    return f"0x{1:064x}" if method == "eth_call" else answer


def another_chain(method: str, params: list[Any], answer: Any) -> Any:
    return "0x1" if method == "eth_chainId" else answer


@pytest.mark.parametrize(
    ("bend", "failed"),
    [
        pytest.param(without_the_transaction, [2, 3, 4, 5, 6], id="no-transaction"),
        pytest.param(from_another_fork, [2, 3, 4, 5, 6], id="another-fork"),
        pytest.param(failed_there, [2, 3, 4, 5, 6], id="failed-there"),
        pytest.param(another_chain, [2], id="another-chain"),
        pytest.param(with_another_root, [3], id="another-root"),
        pytest.param(with_other_points, [4], id="other-points"),
        pytest.param(having_skipped_it, [5], id="skipped"),
        pytest.param(with_fewer_points, [7], id="another-balance"),
    ],
)
def test_a_register_that_says_otherwise_fails_its_step(read: Callable[..., str], bend: Bend, failed: list[int]) -> None:
    page = read(bend)
    assert verdicts(page) == ["failed" if step in failed else "held" for step in range(STEPS)]
    assert "Something does not agree. Keep your receipt" in words(page)
    assert words(page).count(FAILED) == len(failed)


def test_a_batch_that_may_still_change_is_not_deep_enough(read: Callable[..., str]) -> None:
    page = read(depth=1_000)
    assert verdicts(page) == ["held"] * 6 + ["failed", "held"]
    assert "--block latest" in words(page)


def test_both_balances_are_shown_when_they_differ(read: Callable[..., str]) -> None:
    assert "does not hold · the register: 1 · our books: 1,226" in words(read(with_fewer_points))


def test_books_that_were_changed_no_longer_open(settled: Settled, read: Callable[..., str]) -> None:
    here = entries.c.id == settled.lines[-1].id
    with settled.application.store.write() as connection:
        detail = connection.execute(select(entries.c.detail).where(here)).scalar_one()
        connection.execute(update(entries).where(here).values(detail=detail.replace("12990", "99999")))
    try:
        page = read()
    finally:
        with settled.application.store.write() as connection:
            connection.execute(update(entries).where(here).values(detail=detail))
    assert verdicts(page) == ["failed"] + ["held"] * (STEPS - 1)


# --- A register that does not answer ----------------------------------------------------------------------------------


def cut(method: str, params: list[Any], answer: Any) -> Any:
    raise NodeUnreachable("the wire is cut")


def without_old_states(method: str, params: list[Any], answer: Any) -> Any:
    if method == "eth_call":
        raise RpcError("missing trie node")
    return answer


def talking_nonsense(method: str, params: list[Any], answer: Any) -> Any:
    return "0xzz" if method == "eth_chainId" else {"logs": 7}


@pytest.mark.parametrize("bend", [cut, talking_nonsense])
def test_a_register_that_is_away_is_said_and_the_rest_still_shown(read: Callable[..., str], bend: Bend) -> None:
    page = read(bend)
    text = words(page)
    assert verdicts(page) == ["held"] * OWN_STEPS + ["unasked"] * (STEPS - OWN_STEPS)
    assert text.count(AWAY) == STEPS - OWN_STEPS
    assert "The register could not be asked about everything just now. What could be checked holds." in text
    assert "Keep the receipt" in text
    assert "mereau verify" in text


def test_what_a_node_does_not_keep_is_the_only_step_left_open(read: Callable[..., str]) -> None:
    assert verdicts(read(without_old_states)) == ["held"] * (STEPS - 1) + ["unasked"]


def test_a_slow_register_keeps_nobody_waiting_and_is_left_alone_for_a_while(
    settled: Settled, wire: BentWire, enter: Callable[[Flask], Browser]
) -> None:
    def slowly(method: str, params: list[Any], answer: Any) -> Any:
        time.sleep(0.6)
        return answer

    wire.bend = slowly
    browser = enter(settled.town.app(look=wire.look(seconds=0.3)))
    path = f"/wallet/entries/{settled.lines[-1].id}"
    begun = time.monotonic()
    assert verdicts(browser.get(path).text).count("unasked") == STEPS - OWN_STEPS
    assert time.monotonic() - begun < 2
    first = len(wire.asked)
    assert first >= 1
    wire.bend = honest
    asked = len(wire.asked)
    begun = time.monotonic()
    assert verdicts(browser.get(path).text).count("unasked") == STEPS - OWN_STEPS
    assert time.monotonic() - begun < 0.6
    assert len(wire.asked) - asked <= STEPS + 1  # only what the first look still asks in its own thread


def test_without_a_register_the_page_says_so(settled: Settled, enter: Callable[[Flask], Browser]) -> None:
    page = enter(settled.town.app()).get(f"/wallet/entries/{settled.lines[-1].id}").text
    assert verdicts(page) == ["held"] * OWN_STEPS + ["unasked"] * (STEPS - OWN_STEPS)


def test_one_session_asks_twelve_times_a_minute_and_no_more(
    settled: Settled, enter: Callable[[Flask], Browser]
) -> None:
    app = create_web(settled.application)
    alice, other = enter(app), Browser(app.test_client())
    path = f"/wallet/entries/{settled.lines[-1].id}"
    other.sign_in(settled.town)
    pages = [alice.get(path).text for _ in range(25)]  # at most one of them meets a new minute
    assert verdicts(pages[0]) == ["held"] * STEPS
    tired = [page for page in pages if "You opened proofs very often within a minute" in words(page)]
    assert 1 <= len(tired) <= 13
    assert verdicts(tired[0]) == ["held"] * OWN_STEPS + ["unasked"] * (STEPS - OWN_STEPS)
    assert verdicts(other.get(path).text) == ["held"] * STEPS
