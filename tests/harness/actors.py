"""Who does what tests do by themselves."""

from __future__ import annotations

from dcrserver.services.access import actors
from dcrserver.services.audit import Origin

OPERATOR = Origin(actors.operator("test"))
