"""A signer whose answers are counted and timed, wherever it is (the signer's own record says what it was asked)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from token_service.errors import MereauError
from token_service.ledger.tally import Tally
from token_service.ledger.worker_figures import SIGNER_REQUESTS, SIGNER_SECONDS
from token_service.protocol.binds import Bind, SealedMember
from token_service.protocol.transactions import Transaction

if TYPE_CHECKING:
    from token_service.chain.services import Signer


class TimedSigner:
    """Answers as the one inside."""

    def __init__(self, inner: Signer, tally: Tally) -> None:
        self._inner, self._tally = inner, tally

    def sign_transaction(self, address: str, transaction: Transaction) -> bytes:
        """The raw bytes to send. Raises what the signer raises."""
        with self._timed():
            return self._inner.sign_transaction(address, transaction)

    def sign_bind(self, member: SealedMember, bind: Bind) -> bytes:
        """65 bytes of the member's key over the bind. Raises what the signer raises."""
        with self._timed():
            return self._inner.sign_bind(member, bind)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Counts the answer under `signed`, or under the error's code."""
        began, result = time.perf_counter(), "signed"
        try:
            yield
        except MereauError as error:
            result = error.code
            raise
        finally:
            self._tally.add(SIGNER_REQUESTS, result)
            self._tally.add(SIGNER_SECONDS, value=time.perf_counter() - began)
