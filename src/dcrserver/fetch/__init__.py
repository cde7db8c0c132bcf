"""The only door to the outside: every request this server makes goes through here."""

from dcrserver.fetch.cache import CachingFetcher
from dcrserver.fetch.document import Document, FetchError
from dcrserver.fetch.http import Fetcher, HttpFetcher

__all__ = ["CachingFetcher", "Document", "FetchError", "Fetcher", "HttpFetcher"]
