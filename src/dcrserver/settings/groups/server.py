"""[server]: where the server listens, and what it bears."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from dcrserver.settings.values import Group, Texts, checked_issuer, checked_networks


class ServerSettings(Group):
    """Where the server listens and what it is called."""

    base_url: str = Field(
        default="http://127.0.0.1:8000",
        description="Public base URL: the issuer of the default tenant, published as it is written"
        " here, with a final slash or without. Never taken from the Host header. Default:"
        " http://127.0.0.1:PORT",
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(default=8000, ge=1, le=65535, description="port to listen on")
    workers: int = Field(
        default=1,
        ge=1,
        description="processes; one suits SQLite best. Each counts its own rate limits unless"
        " redis.url is set",
    )
    drain_seconds: float = Field(
        default=1.0,
        ge=0,
        description="On SIGTERM: how long /readyz says 503 before the port closes, so that load"
        " balancers turn away first",
    )
    shutdown_seconds: int = Field(
        default=20, ge=1, description="how long requests in flight may take after that"
    )
    head_seconds: float = Field(
        default=10.0,
        gt=0,
        description="how long a caller may take to send the head of a request; then 408",
    )
    body_seconds: float = Field(
        default=20.0, gt=0, description="how long a caller may take to send a body; then 408"
    )
    write_seconds: float = Field(
        default=20.0,
        gt=0,
        description="how long a caller may leave answers unread; then the connection is closed",
    )
    max_requests: int = Field(
        default=512,
        ge=1,
        description="requests that one process has in hand, those whose body is still arriving not"
        " counted; more get 503 and Retry-After",
    )
    max_connections: int = Field(
        default=1000,
        ge=1,
        description="connections of one process, at most three quarters of the descriptors that it"
        " may open; for one more, that which has waited longest for its caller is closed",
    )
    http: Literal["fast", "uvicorn"] = Field(
        default="fast",
        description="what writes answers: fast looks through each once and writes it whole;"
        " uvicorn, should that be suspected, is Uvicorn's own code. All bounds hold for both",
    )
    trusted_proxies: Texts = Field(
        default=(),
        description="IP addresses and networks whose X-Forwarded-For is believed; * alone for all",
    )

    @field_validator("base_url")
    @classmethod
    def _issuer(cls, value: str) -> str:
        return checked_issuer(value)

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Uvicorn would take anything else for a name, which no address ever equals."""
        return value if value == ("*",) else checked_networks(value)
