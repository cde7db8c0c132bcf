"""What went wrong, for the operator who can mend it: in a line, without a trace."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from dcrserver.errors import ProtocolError
from dcrserver.settings import ConfigurationError, with_variable
from dcrserver.telemetry import redact


def explained(error: Exception) -> str | None:
    """None for what nobody thought of."""
    if isinstance(error, ConfigurationError):
        lines = map(with_variable, str(error).splitlines())
        return "\n".join(f"configuration: {line}" for line in lines)
    if isinstance(error, ProtocolError):
        return f"{error.description} ({error.detail})" if error.detail else error.description
    if isinstance(error, SQLAlchemyError):
        told = str(getattr(error, "orig", None) or error) or type(error).__name__
        return f"the database cannot be used: {redact(told.splitlines()[0])}"
    return None
