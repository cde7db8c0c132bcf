"""/admin/v1/clients/{client_id}/notes and .../history: what is known of a client beside itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import CallerOf, ClientId, RuntimeOf
from dcrserver.edge.pages import Page, PagingOf
from dcrserver.edge.routers import Router
from dcrserver.schemas.admin.events import Event
from dcrserver.schemas.admin.notes import ClientNote, ClientNotes, NewClientNote
from dcrserver.services.audit import Subject, SubjectKind
from dcrserver.services.audit.reading import place_of

router = Router(AdminRoute, "/clients/{client_id}", "clients")


@router.get(
    "/notes",
    scope="clients:read",
    summary="List the notes about a client",
    operation_id="list_client_notes",
    response_model=ClientNotes,
)
async def list_notes(here: RuntimeOf, caller: CallerOf, client_id: ClientId) -> ClientNotes:
    """What administrators wrote down about it, oldest first; the client itself never sees it."""
    found = await here.administration.notes.notes(caller.tenant, client_id, caller.actor)
    return ClientNotes(items=[ClientNote.model_validate(each) for each in found])


@router.post(
    "/notes",
    scope="clients:update",
    summary="Write a note about a client",
    operation_id="write_client_note",
    status_code=201,
    response_model=ClientNote,
    refusals=(409,),
)
async def write_note(
    here: RuntimeOf, caller: CallerOf, client_id: ClientId, body: NewClientNote
) -> ClientNote:
    """For all who see the client, its owner too; at most 100 of a client."""
    made = await here.administration.notes.write(caller.tenant, client_id, body.text, caller.origin)
    return ClientNote.model_validate(made)


@router.delete(
    "/notes/{note_id}",
    scope="clients:update",
    summary="Delete a note about a client",
    operation_id="delete_client_note",
    status_code=204,
    response_model=None,
)
async def delete_note(
    here: RuntimeOf,
    caller: CallerOf,
    client_id: ClientId,
    note_id: Annotated[str, Path(description="its id")],
) -> None:
    """Its text is gone; that there was one is told by the events."""
    await here.administration.notes.delete(caller.tenant, client_id, note_id, caller.origin)


@router.get(
    "/history",
    scope="clients:read",
    summary="Show the history of a client",
    operation_id="show_client_history",
    response_model=Page[Event],
)
async def show_history(
    here: RuntimeOf, caller: CallerOf, client_id: ClientId, paging: PagingOf
) -> Page[Event]:
    """The events of one client, newest first, for all who see it, its owner too."""
    client = await here.client_reading.client(caller.tenant, client_id, caller.actor)
    found = await here.administration.events.about(
        client.tenant,
        Subject(SubjectKind.CLIENT, client.client_id),
        paging.after,
        paging.limit + 1,
        # Owners choose names of clients: it may be that of a client that was another's.
        since=None if caller.actor.owner is None else client.created_at,
    )
    return paging.page(found, place_of, Event.model_validate)
