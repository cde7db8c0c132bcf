"""A standalone OAuth 2.0 / OpenID Connect dynamic client registration server."""

__version__ = "0.1.0"
