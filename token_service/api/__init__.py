"""The API: JSON over HTTP, as docs/api.md describes it. `create_api(services)` makes the Flask app; nothing else is global.

One file for each resource has its bodies, answers and routes. Around them: request.py (what a body must be), input.py (models and
pointers), access.py (keys and scopes), problems.py (errors), replays.py (Idempotency-Key), many.py (batches).
"""

from token_service.api.application import create_api
from token_service.api.limits import RateLimit
from token_service.api.services import AnswerRpc, Services

__all__ = ["AnswerRpc", "RateLimit", "Services", "create_api"]
