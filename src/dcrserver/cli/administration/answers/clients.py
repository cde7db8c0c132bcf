"""What the database answers about clients, their credentials, and those that were deleted."""

from __future__ import annotations

from dcrserver.cli.administration.answers.here import Here, answer, page, place_in, told, validated
from dcrserver.repositories.queries.clients import Filter, Sort
from dcrserver.schemas.admin.clients import (
    Client,
    ClientAsked,
    ClientCount,
    ClientReplacement,
    DeletedClient,
    ListedClient,
    NewClient,
    Rejection,
)
from dcrserver.schemas.admin.secrets import (
    ClientSecrets,
    NewClientSecret,
    NewRegistrationAccessToken,
)
from dcrserver.strict_json import JsonObject


async def _list_clients(
    here: Here, *, limit: int, cursor: str | None = None, sort: str = "-created", **wanted: str
) -> JsonObject:
    reading, actor = here.operations.client_reading, here.origin.actor
    asked, order = Filter.parse(wanted.items()).known(here.members), Sort.parse(sort)
    place, tenant = place_in(cursor), await here.tenant()
    found = await reading.clients(tenant, asked, order, place, limit, actor)
    return answer([told(ListedClient, each) for each in found.clients], found.next)


async def _count_clients(here: Here, **wanted: str) -> JsonObject:
    reading = here.operations.client_reading
    asked = Filter.parse(wanted.items()).known(here.members)
    return told(ClientCount, await reading.count(await here.tenant(), asked, here.origin.actor))


async def _show_client(here: Here, *, client_id: str) -> JsonObject:
    reading = here.operations.client_reading
    return told(Client, await reading.client(await here.tenant(), client_id, here.origin.actor))


async def _create_client(here: Here, *, body: JsonObject) -> JsonObject:
    asked = validated(ClientAsked, body)
    chosen = asked.model_dump(exclude={"metadata"}, exclude_none=True)
    changes, tenant = here.operations.client_changes, await here.tenant()
    return told(NewClient, await changes.create(tenant, asked.metadata, chosen, here.origin))


async def _replace_client(here: Here, *, client_id: str, body: JsonObject) -> JsonObject:
    asked = validated(ClientReplacement, body).model_dump(exclude_none=True)
    changes, tenant = here.operations.client_changes, await here.tenant()
    return told(NewClient, await changes.replace(tenant, client_id, asked, here.origin))


async def _patch_client(here: Here, *, client_id: str, body: JsonObject) -> JsonObject:
    changes, tenant = here.operations.client_changes, await here.tenant()
    return told(NewClient, await changes.merge(tenant, client_id, body, here.origin))


async def _delete_client(here: Here, *, client_id: str) -> JsonObject:
    await here.operations.client_lifecycle.delete(await here.tenant(), client_id, here.origin)
    return {}


async def _suspend_client(here: Here, *, client_id: str) -> JsonObject:
    await here.operations.client_lifecycle.suspend(await here.tenant(), client_id, here.origin)
    return await _show_client(here, client_id=client_id)


async def _resume_client(here: Here, *, client_id: str) -> JsonObject:
    await here.operations.client_lifecycle.resume(await here.tenant(), client_id, here.origin)
    return await _show_client(here, client_id=client_id)


async def _approve_client(here: Here, *, client_id: str, version: int | None = None) -> JsonObject:
    approvals, tenant = here.operations.client_approvals, await here.tenant()
    await approvals.approve(tenant, client_id, here.origin, version=version)
    return await _show_client(here, client_id=client_id)


async def _reject_client(here: Here, *, client_id: str, body: JsonObject) -> JsonObject:
    reason, tenant = validated(Rejection, body).reason, await here.tenant()
    await here.operations.client_approvals.reject(tenant, client_id, reason, here.origin)
    return await _show_client(here, client_id=client_id)


async def _list_client_secrets(here: Here, *, client_id: str) -> JsonObject:
    reading = here.operations.client_reading
    client = await reading.client(await here.tenant(), client_id, here.origin.actor)
    return told(ClientSecrets, {"items": client.secrets})


async def _rotate_client_secret(here: Here, *, client_id: str) -> JsonObject:
    credentials = here.operations.client_credentials
    made = await credentials.rotate_secret(await here.tenant(), client_id, here.origin)
    return told(NewClientSecret, made)


async def _end_client_secret(here: Here, *, client_id: str, secret_id: str) -> JsonObject:
    credentials = here.operations.client_credentials
    await credentials.end_secret(await here.tenant(), client_id, secret_id, here.origin)
    return {}


async def _reissue_registration_access_token(here: Here, *, client_id: str) -> JsonObject:
    credentials, tenant = here.operations.client_credentials, await here.tenant()
    token = await credentials.reissue_registration_token(tenant, client_id, here.origin)
    uri = tenant.registration_client_uri(client_id)
    return told(
        NewRegistrationAccessToken,
        {"registration_access_token": token, "registration_client_uri": uri},
    )


async def _revoke_registration_access_token(here: Here, *, client_id: str) -> JsonObject:
    credentials = here.operations.client_credentials
    await credentials.revoke_registration_tokens(await here.tenant(), client_id, here.origin)
    return {}


async def _list_deleted_clients(here: Here, *, limit: int, cursor: str | None = None) -> JsonObject:
    reading, place, actor = here.operations.client_reading, place_in(cursor), here.origin.actor
    found = await reading.deleted(await here.tenant(), place, limit + 1, actor)
    return page(found, limit, reading.place_of_deleted, lambda each: told(DeletedClient, each))


async def _restore_client(here: Here, *, client_id: str) -> JsonObject:
    await here.operations.client_lifecycle.restore(await here.tenant(), client_id, here.origin)
    return await _show_client(here, client_id=client_id)


async def _purge_client(here: Here, *, client_id: str) -> JsonObject:
    await here.operations.client_lifecycle.purge(await here.tenant(), client_id, here.origin)
    return {}


async def _change_clients(here: Here, *, body: JsonObject) -> JsonObject:
    from dcrserver.schemas.admin.jobs import BulkRequest, Job
    from dcrserver.services.jobs.administration import BulkAsked

    asked = BulkAsked.of(**validated(BulkRequest, body).model_dump())
    service = here.operations.job_administration
    made = await service.change_clients(here.configured(), asked, here.origin)
    return told(Job, made)


ANSWERS = (
    _change_clients,
    _list_clients, _count_clients, _show_client, _create_client, _replace_client, _patch_client,
    _delete_client, _suspend_client, _resume_client, _approve_client, _reject_client,
    _list_client_secrets, _rotate_client_secret, _end_client_secret,
    _reissue_registration_access_token, _revoke_registration_access_token,
    _list_deleted_clients, _restore_client, _purge_client,
)  # fmt: skip
