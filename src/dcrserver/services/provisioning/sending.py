"""Step: one target is asked for one client while somebody waits for the answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple, NoReturn

from dcrserver.connectors.client import Applied, NewSecret, Objection, WantedClient
from dcrserver.connectors.connector import Connector
from dcrserver.connectors.failures import (
    TargetAway,
    TargetError,
    TargetMissing,
    TargetRefused,
)
from dcrserver.errors import InvalidClientMetadata, InvalidRedirectUri, Unavailable
from dcrserver.logger import Logger
from dcrserver.repositories.client_links import ClientLinkRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.provisioning.believing import believed
from dcrserver.services.provisioning.targets import Target
from dcrserver.services.provisioning.wanted import wanted_of
from dcrserver.services.secrets.sealing import Sealing
from dcrserver.strict_json import JsonValue, dumps, stored_exactly

_log = Logger(__name__)
AWAY = "the authorization server cannot be told of the client just now; try again later"
_RETRY_SECONDS = 5


class Sending(NamedTuple):
    """One target, its link by our claim, and what came of it; ``record``: what it was sent."""

    target: Target
    link: ClientLinkRecord
    record: ClientRecord
    applied: Applied | None = None
    error: Exception | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether what was asked may be done later still."""
        if self.applied is not None:
            return False
        if isinstance(self.error, TargetAway):
            return self.error.is_unknown
        return not isinstance(self.error, TargetError)


def turns(sendings: Sequence[Sending]) -> list[list[int]]:
    """Places in ``sendings``, in the order in which they are asked: who may make a secret itself
    comes first, one after the other, so that the others are told that one.
    """
    makers = [
        place
        for place, each in enumerate(sendings)
        if each.target.connector.mints or each.target.connector.overlaps_by_own
    ]
    others = [place for place in range(len(sendings)) if place not in makers]
    return [*([place] for place in makers), others]


async def asked(sending: Sending, call: Callable[[], Awaitable[Applied]]) -> Sending:
    """What came of the ``call``."""
    breaker = sending.target.breaker
    try:
        async with asyncio.timeout(sending.target.settings.timeout):
            applied = await call()
    except (TargetRefused, TargetMissing) as error:
        breaker.answered()
        return sending._replace(error=error)
    except TimeoutError:
        breaker.failed()
        return sending._replace(error=TargetAway(f"{sending.target.name}: no answer in time"))
    except TargetError as error:
        breaker.failed(error.retry_after if isinstance(error, TargetAway) else None)
        return sending._replace(error=error)
    except Exception as error:  # noqa: BLE001 - a mistake of ours; nobody is let in by it
        _log.exception("client_link_failed", connector=sending.target.name)
        return sending._replace(error=error)
    breaker.answered()
    return sending._replace(applied=applied)


def check(sendings: Iterable[Sending]) -> None:
    """Whether all of them came to their targets.

    Raises:
        InvalidClientMetadata: one was refused.
        Unavailable: one was not, or may not have been.
    """
    errors = [each.error for each in sendings if each.error is not None]
    for error in errors:
        if isinstance(error, TargetRefused):
            raise InvalidClientMetadata(error.reason)
    for error in errors:
        _away(error)


def _away(error: Exception) -> NoReturn:
    patience = error.retry_after if isinstance(error, TargetAway) else None
    told = str(error) or type(error).__name__
    raise Unavailable(AWAY, detail=told, retry_after=max(1, round(patience or _RETRY_SECONDS)))


def check_open(targets: Iterable[Target]) -> None:
    """Whether they may be asked.

    Raises:
        Unavailable: one of them is away, as was seen a moment ago.
    """
    for target in targets:
        if not target.breaker.may_try():
            patience = max(1, round(target.breaker.retry_after()))
            raise Unavailable(AWAY, detail=f"{target.name} is away", retry_after=patience)


def judged(targets: Iterable[Target], record: ClientRecord) -> ClientRecord:
    """``record`` as it may be sent to all of them.

    Raises:
        InvalidClientMetadata: one of them would choke on it.
    """
    for target in targets:
        verdict = target.connector.judge(wanted_of(record))
        if verdict.objections:
            _object(verdict.objections)
        record = _changed(record, verdict.corrections.items())
    return record


def _object(objections: Sequence[Objection]) -> NoReturn:
    text = "; ".join(each.text for each in objections)
    is_uri = all(each.member == "redirect_uris" for each in objections)
    raise InvalidRedirectUri(text) if is_uri else InvalidClientMetadata(text)


def changed_by(applied: Applied, record: ClientRecord) -> ClientRecord:
    """``record`` as the target stored it.

    Raises:
        Unavailable: no client can be as it says.
    """
    if not applied.changed:
        return record
    try:
        changed = believed(applied.changed, stored_exactly(record.metadata))
    except ValueError as error:
        raise Unavailable(AWAY, detail=f"a target made of {error} what it cannot be") from None
    return _changed(record, changed.items())


def _changed(record: ClientRecord, changes: Iterable[tuple[str, JsonValue]]) -> ClientRecord:
    made = dict(changes)
    if not made:
        return record
    members = stored_exactly(record.metadata) | made
    left = {name: value for name, value in members.items() if value is not None}
    return record._replace(metadata=dumps(left))


def newest_secret(
    sealing: Sealing, record: ClientRecord, undelivered: str | None = None
) -> NewSecret | None:
    """The secret that ``record`` is written with, or that is ``undelivered``, which somebody was
    told; None: neither.
    """
    held = json.loads(record.client_secrets or "[]")
    if held and (sealed := held[0].get("sealed")):
        return sealing.opened(record.tenant, record.client_id, sealed)
    if undelivered is None:
        return None
    return sealing.opened(record.tenant, record.client_id, undelivered)._replace(is_told=True)


def due_in(connector: Connector, want: WantedClient) -> int:
    """Milliseconds until it is told again, when the secret before ends; 0: not by itself."""
    if not connector.overlaps or not want.previous_until:
        return 0
    return max(1, round((want.previous_until - time.time() + 1) * 1000))
