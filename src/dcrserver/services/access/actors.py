"""Step: who somebody is, by what they present."""

from __future__ import annotations

from dcrserver.services.audit.actors import ANONYMOUS, SYSTEM, Actor, ActorKind

__all__ = ["ANONYMOUS", "SYSTEM", "Actor", "ActorKind"]
