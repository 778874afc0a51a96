"""The embedded chain: a real EVM chain in one SQLite file, for a deployment on one machine (DESIGN §5)."""

import sys

from eth_hash.auto import keccak

from token_service.chain.embedded.bls_on_demand import stand_in_for_bls
from token_service.protocol.hashing import keccak256

stand_in_for_bls()
import eth  # noqa: E402, F401  # before the rooms below, so that what it does to the interpreter can be undone

PYTHON_RECURSION_LIMIT = 1000
"""Python's own default. py-evm and py_ecc raise it to 100,000 when imported, and then `json.loads("[" * 100_000)` of any
request kills the process (SIGSEGV) where it should be a RecursionError. Some 80 nested contract calls fit; ours nest two."""
sys.setrecursionlimit(PYTHON_RECURSION_LIMIT)

keccak.hasher = lambda in_data: keccak256(
    bytes(in_data)
)  # py-evm hashes through this object, by the slower of two ways

from token_service.chain.embedded.machine import chain_id_from  # noqa: E402
from token_service.chain.embedded.owner import BadTransaction, EmbeddedChain, Mined  # noqa: E402
from token_service.chain.embedded.reader import EmbeddedReader  # noqa: E402
from token_service.chain.embedded.size import ChainFile, chain_file_report, chain_file_size  # noqa: E402
from token_service.chain.ownership import ChainLock  # noqa: E402

__all__ = [
    "BadTransaction",
    "ChainFile",
    "ChainLock",
    "EmbeddedChain",
    "EmbeddedReader",
    "Mined",
    "chain_file_report",
    "chain_file_size",
    "chain_id_from",
]
