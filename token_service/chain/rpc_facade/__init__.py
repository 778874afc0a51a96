"""`POST /rpc`: the embedded chain as `cast`, web3.py, wallets and the auditor expect a node (DESIGN §5)."""

from token_service.chain.rpc_facade.answer import answer, snapshot_node
from token_service.chain.rpc_facade.limits import OWNER, PUBLIC, Budget, Limits

__all__ = ["OWNER", "PUBLIC", "Budget", "Limits", "answer", "snapshot_node"]
