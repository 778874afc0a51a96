"""From accepted leaves to final ones: plan, push, index, track, finalize (DESIGN §5).

Each step reads, asks the node, and writes one transaction; each may be repeated, and the process may die between any two lines.
"""

from token_service.chain.settlement.finality import finalize
from token_service.chain.settlement.indexing import index
from token_service.chain.settlement.planning import plan
from token_service.chain.settlement.pushing import PushMemory, push
from token_service.chain.settlement.reverts import send_anew
from token_service.chain.settlement.startup import check_chain
from token_service.chain.settlement.tracking import track

__all__ = ["PushMemory", "check_chain", "finalize", "index", "plan", "push", "send_anew", "track"]
