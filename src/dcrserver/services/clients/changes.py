"""Use cases of administrators: make clients, and change what they registered."""

from __future__ import annotations

from collections.abc import Callable

from dcrserver.errors import AlreadyExists, InvalidClientMetadata, InvalidInput
from dcrserver.json_patch import BadPatch, NotAsTested, merged, patched, pointer
from dcrserver.metadata import SERVER_ASSIGNED, Issue
from dcrserver.metadata.bounds import UNBOUNDED, Bounds
from dcrserver.metadata.plan import withheld
from dcrserver.metadata.validation import server_members
from dcrserver.names import PUBLISHED
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.idempotency import IdempotencyKey, IdempotentRequests, Keep
from dcrserver.services.access.stored_clients import change_client, terms_for
from dcrserver.services.access.versions import ANY, Expected
from dcrserver.services.audit import Origin, utc
from dcrserver.services.audit.actors import Actor
from dcrserver.services.clients.views import ClientView
from dcrserver.services.registration.administered import AdministeredClients
from dcrserver.services.registration.administered_adding import Administered
from dcrserver.services.registration.facts import NAMES, cleared, facts_in, facts_in_update
from dcrserver.services.secrets.kept import secrets_of
from dcrserver.strict_json import JsonObject, JsonValue, stored
from dcrserver.tenants import Tenant

_METADATA = "metadata"
# What administrators change beside the metadata; the order is that of answers.
_FACTS = ("owner", "tags", "expires_at", "policy", "policy_version")
# Of one write, and kept by nobody.
_OVERRIDE = "policy_override"
_WRITABLE = frozenset({*_FACTS, _OVERRIDE, _METADATA, PUBLISHED})
_Edit = Callable[[JsonValue], JsonValue]


class NewClientView(ClientView):
    """A client, and the credentials that it was just given, which nobody is told again."""

    def __init__(self, tenant: Tenant, made: Administered) -> None:
        super().__init__(made.record)
        self.client_secret = made.secrets.value
        is_new = made.secrets.is_new
        self.client_secret_expires_at = made.secrets.held[0].expires_at if is_new else None
        self.registration_access_token = made.token or None
        self.registration_client_uri = tenant.registration_client_uri(made.record.client_id)


class ClientChangeService:
    """Use case: administrators make clients, replace and patch them.

    The terms of a client's birth bind it whoever changes it. Its registration access token works
    on. Raises, from every method: RegistrationError (what would come of it is not acceptable).
    """

    def __init__(
        self, database: Database, administered: AdministeredClients, requests: IdempotentRequests
    ) -> None:
        self._database = database
        self._administered = administered
        self._requests = requests

    async def create(
        self,
        tenant: Tenant,
        metadata: JsonObject,
        chosen: JsonObject,
        origin: Origin,
        key: IdempotencyKey | None = None,
    ) -> NewClientView:
        """A new client; ``chosen``: what administrators choose beside its metadata.

        Raises:
            KeyReused: ``key`` belongs to another request.
        """
        _check_members(metadata, {}, tenant.known(), UNBOUNDED, origin.actor)

        async def work(keep: Keep) -> JsonObject:
            _, facts = facts_in(chosen)
            make = self._administered.make
            return _kept(
                await make(
                    tenant.known(), metadata, facts, origin,
                    beside=lambda tx, made: keep(tx, _kept(made)),
                )
            )  # fmt: skip

        made = await self._requests.once(tenant.name, origin.actor, key, work)
        return NewClientView(tenant, _made(made))

    async def replace(
        self,
        tenant: Tenant,
        client_id: str,
        body: JsonObject,
        origin: Origin,
        expected: Expected = ANY,
    ) -> NewClientView:
        """What is not in ``body`` is gone, as RFC 7592 2.2 has it; but for the policy.

        Raises:
            NotFound: there is no such client, or it is another owner's.
            PreconditionFailed: it is not what was expected.
        """
        return await self._edit(tenant, client_id, lambda _: body, origin, expected)

    async def merge(
        self,
        tenant: Tenant,
        client_id: str,
        patch: JsonValue,
        origin: Origin,
        expected: Expected = ANY,
    ) -> NewClientView:
        """By a JSON Merge Patch (RFC 7396); see ``replace``."""
        return await self._edit(
            tenant, client_id, lambda document: _whole(merged(document, patch)), origin, expected
        )

    async def patch(
        self,
        tenant: Tenant,
        client_id: str,
        operations: JsonValue,
        origin: Origin,
        expected: Expected = ANY,
    ) -> NewClientView:
        """By a JSON Patch (RFC 6902); see ``replace``.

        Raises:
            InvalidInput: an operation cannot be done.
            AlreadyExists: a test of the patch failed.
        """

        def edit(document: JsonValue) -> JsonValue:
            try:
                return _whole(patched(document, operations))
            except NotAsTested as error:
                raise AlreadyExists(f"operation {error.index}: {error}") from None
            except BadPatch as error:
                where = "#" if error.index is None else f"#/{error.index}"
                raise InvalidInput(str(error), pointer=where) from None

        return await self._edit(tenant, client_id, edit, origin, expected)

    async def _edit(
        self, tenant: Tenant, client_id: str, edit: _Edit, origin: Origin, expected: Expected
    ) -> NewClientView:
        known = tenant.known()

        async def change(record: ClientRecord) -> Administered | None:
            metadata, chosen = _checked(edit(_document(record)))
            bounds = Bounds.from_json(record.bounds)
            _check_members(metadata, stored(record.metadata), known, bounds, origin.actor)
            _, facts = facts_in_update(chosen)
            facts = facts._replace(cleared=cleared(chosen))
            return await self._administered.replace(known, record, metadata, facts, origin)

        made = await change_client(self._database, tenant, client_id, origin, expected, change)
        return NewClientView(tenant, made)


def _kept(made: Administered) -> JsonObject:
    """As it can be told again."""
    record: JsonObject = made.record._asdict()
    return {"record": record, "client_secret": made.secrets.value, "token": made.token}


def _made(kept: JsonObject) -> Administered:
    """What ``_kept`` made a note of."""
    record = ClientRecord(**kept["record"])  # type: ignore[arg-type]
    secret = kept["client_secret"]
    shown = secrets_of(record)._replace(value=None if secret is None else str(secret))
    return Administered(record, shown, str(kept["token"]))


def _document(record: ClientRecord) -> JsonObject:
    """What can be changed of a client, as it is shown."""
    view = ClientView(record)
    facts: JsonObject = {
        "owner": view.owner, "tags": [*view.tags], "expires_at": utc(view.expires_at),
        "policy": view.policy, "policy_version": view.policy_version,
    }  # fmt: skip
    return facts | {_METADATA: stored(record.metadata)}


def _whole(document: JsonValue) -> JsonValue:
    """What a patch took away is nothing from now on, also where a replacement would leave it."""
    return {**dict.fromkeys(_FACTS), **document} if isinstance(document, dict) else document


def _checked(document: JsonValue) -> tuple[JsonObject, JsonObject]:
    """Its metadata, and what stands beside them.

    Raises:
        InvalidInput: it is no object of members that can be changed.
    """
    if not isinstance(document, dict):
        raise InvalidInput("must be an object", pointer="#")
    for name in document:
        if name not in _WRITABLE:
            known = ", ".join((*_FACTS, PUBLISHED, _METADATA))
            text = f"{name[:64]} cannot be changed; {known} can"
            raise InvalidInput(text, pointer=pointer([name[:64]]))
    metadata = document.get(_METADATA)
    if not isinstance(metadata, dict):
        raise InvalidInput("metadata must be an object", pointer=f"#/{_METADATA}")
    if PUBLISHED in document:  # it is one of the members, and may be said beside them
        metadata = metadata | {PUBLISHED: document[PUBLISHED]}
    return metadata, {name: document[name] for name in (*_FACTS, _OVERRIDE) if name in document}


def _check_members(
    sent: JsonObject, before: JsonObject, tenant: Tenant, bounds: Bounds, actor: Actor
) -> None:
    """What a registration would ignore is told to who means it: an administrator.

    Raises:
        InvalidClientMetadata: the metadata that was ``sent`` name what they cannot set.
    """
    names = frozenset(SERVER_ASSIGNED) - NAMES
    if actor.owner is not None:  # who may send back what is there
        names = withheld(terms_for(actor, tenant.terms_within(bounds))) - NAMES
        names = frozenset(name for name in names if sent.get(name) != before.get(name))
    beside = sorted(name for name in NAMES if sent.get(name) is not None)
    issues = [
        *(Issue(name, "is no metadata: it stands beside them", "CF-97", "") for name in beside),
        *server_members(sent, names),
    ]
    if issues:
        raise InvalidClientMetadata("; ".join(issue.text for issue in issues), mistakes=issues)
