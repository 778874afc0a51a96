"""The composition root: the only place that puts settings, database, keys, chain and web together."""

from token_service.app.application import Application, open_application

__all__ = ["Application", "open_application"]
