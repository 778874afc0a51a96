"""flask-openapi, named once: routes that describe themselves in the OpenAPI document."""

from flask_openapi.blueprint import APIBlueprint as Routes
from flask_openapi.openapi import OpenAPI
from flask_openapi.utils import parse_rule

__all__ = ["OpenAPI", "Routes", "parse_rule"]
