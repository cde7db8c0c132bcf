"""What went wrong, for the operator who can mend it: in a line, without a trace."""

from __future__ import annotations

import sys

from dcrserver.cli.administration.refusals import Refused, in_a_line
from dcrserver.errors import ProtocolError
from dcrserver.settings import ConfigurationError, with_variable


def explained(error: Exception) -> str | None:
    """None for what nobody thought of."""
    if isinstance(error, ConfigurationError):
        lines = map(with_variable, str(error).splitlines())
        return "\n".join(f"configuration: {line}" for line in lines)
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, ProtocolError):
        return _refused(error)
    return _of_database(error) if "sqlalchemy" in sys.modules else None


def _refused(error: ProtocolError) -> str:
    from dcrserver.edge.problems import mistakes_of

    told = in_a_line(error.description, mistakes_of(error))
    return f"{told} ({error.detail})" if error.detail else told


def _of_database(error: Exception) -> str | None:
    from sqlalchemy.exc import SQLAlchemyError

    from dcrserver.telemetry import redact

    if not isinstance(error, SQLAlchemyError):
        return None
    told = str(getattr(error, "orig", None) or error) or type(error).__name__
    return f"the database cannot be used: {redact(told.splitlines()[0])}"
