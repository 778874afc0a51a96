"""The embedded chain: a real EVM chain in one SQLite file, for a deployment on one machine (DESIGN §5)."""

from token_service.chain.embedded.lock import ChainLock
from token_service.chain.embedded.machine import chain_id_from
from token_service.chain.embedded.owner import BadTransaction, EmbeddedChain, Mined
from token_service.chain.embedded.reader import EmbeddedReader
from token_service.chain.embedded.size import ChainFile, chain_file_report, chain_file_size

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
