"""What the database answers about signing keys."""

from __future__ import annotations

from dcrserver.cli.administration.answers.here import Here, told
from dcrserver.schemas.admin.keys import SigningKey, SigningKeys
from dcrserver.strict_json import JsonObject


async def _list_signing_keys(here: Here) -> JsonObject:
    found = await here.operations.key_administration.keys((await here.tenant()).name)
    return told(SigningKeys, {"items": found})


async def _rotate_signing_key(here: Here) -> JsonObject:
    keys = here.operations.key_administration
    return told(SigningKey, await keys.rotate(here.configured().name, here.origin))


async def _discard_signing_key(here: Here, *, kid: str) -> JsonObject:
    tenant = await here.tenant()
    await here.operations.key_administration.discard(tenant.name, kid, here.origin)
    return {}


ANSWERS = (_list_signing_keys, _rotate_signing_key, _discard_signing_key)
