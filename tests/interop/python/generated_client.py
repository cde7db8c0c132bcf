"""Uses the client that openapi-python-client made of our document: URL, token, on the path."""

from __future__ import annotations

import sys
from http import HTTPStatus

from generated import AuthenticatedClient
from generated.api.clients import (
    create_client,
    delete_client,
    list_clients,
    patch_client,
    show_client,
)
from generated.models import (
    ClientAsked,
    ClientAskedMetadata,
    ListClientsStatus,
    NewClient,
    PatchClientJsonChange,
    Problem,
)


def main(url: str, token: str) -> None:
    """Creates, lists with a filter, patches, deletes; and is refused."""
    with AuthenticatedClient(url, token, httpx_args={"trust_env": False}) as api:
        metadata = {"redirect_uris": ["https://a.example/cb"], "client_name": "Billing"}
        asked = ClientAsked(ClientAskedMetadata.from_dict(metadata), owner="team-a", tags=["eu"])
        made = create_client.sync(client=api, body=asked)
        assert isinstance(made, NewClient), made
        assert made.client_secret

        page = list_clients.sync(client=api, q="bill", status=ListClientsStatus.ACTIVE, limit=10)
        assert [each.client_id for each in page.items] == [made.client_id]
        assert page.next_ is None
        assert list_clients.sync(client=api, owner="nobody").items == []

        change = PatchClientJsonChange.from_dict({"metadata": {"client_name": "Renamed"}})
        patched = patch_client.sync(made.client_id, client=api, body=change)
        assert patched.metadata["client_name"] == "Renamed"
        assert patched.version == made.version + 1
        shown = show_client.sync(made.client_id, client=api)
        assert (shown.owner, shown.tags, shown.last_used_at) == ("team-a", ["eu"], None)

        deleted = delete_client.sync_detailed(made.client_id, client=api)
        assert deleted.status_code is HTTPStatus.NO_CONTENT
        gone = show_client.sync(made.client_id, client=api)
        assert isinstance(gone, Problem)
        assert (gone.status, gone.detail) == (404, "there is no such client")
        bad = ClientAsked(ClientAskedMetadata.from_dict({"redirect_uris": ["no uri"]}))
        refused = create_client.sync(client=api, body=bad)
        assert isinstance(refused, Problem)
        assert refused.status == HTTPStatus.BAD_REQUEST


if __name__ == "__main__":
    main(*sys.argv[1:])
