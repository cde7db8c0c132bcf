"""Operations of the administrators' API that commands ask for, and where a server has them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Route(NamedTuple):
    """A request without its values: ``path`` is below /admin/v1."""

    method: str
    path: str


def _routes(lines: str) -> Mapping[str, Route]:
    rows = (line.split() for line in lines.strip().splitlines())
    return MappingProxyType({name: Route(method, path) for name, method, path in rows})


# By the operation's id in the OpenAPI document, to which a test holds the rest.
ROUTES = _routes("""
list_clients                       GET     /clients
create_client                      POST    /clients
count_clients                      GET     /clients/count
show_client                        GET     /clients/{client_id}
replace_client                     PUT     /clients/{client_id}
patch_client                       PATCH   /clients/{client_id}
delete_client                      DELETE  /clients/{client_id}
suspend_client                     POST    /clients/{client_id}/suspend
approve_client                     POST    /clients/{client_id}/approve
reject_client                      POST    /clients/{client_id}/reject
resume_client                      POST    /clients/{client_id}/resume
list_client_secrets                GET     /clients/{client_id}/secrets
rotate_client_secret               POST    /clients/{client_id}/secrets
end_client_secret                  DELETE  /clients/{client_id}/secrets/{secret_id}
reissue_registration_access_token  POST    /clients/{client_id}/registration-access-token
revoke_registration_access_token   DELETE  /clients/{client_id}/registration-access-token
list_deleted_clients               GET     /deleted-clients
restore_client                     POST    /clients/{client_id}/restore
change_clients                     POST    /clients/bulk
list_connectors                    GET     /connectors
describe_connector                 GET     /connectors/{name}
test_connector                     POST    /connectors/{name}/test
retry_connector                    POST    /connectors/{name}/retry
reconcile_connector                POST    /connectors/{name}/reconcile
list_jobs                          GET     /jobs
show_job                           GET     /jobs/{job_id}
list_job_errors                    GET     /jobs/{job_id}/errors
cancel_job                         POST    /jobs/{job_id}/cancel
show_statistics                    GET     /statistics
show_server                        GET     /server
show_configuration                 GET     /configuration
export_clients                     GET     /clients/export
import_clients                     POST    /clients/import
export_events                      GET     /events/export
list_events                        GET     /events
purge_client                       POST    /clients/{client_id}/purge
list_tenants                       GET     /tenants
show_tenant                        GET     /tenants/{name}
create_tenant                      POST    /tenants
change_tenant                      PATCH   /tenants/{name}
suspend_tenant                     POST    /tenants/{name}/suspend
resume_tenant                      POST    /tenants/{name}/resume
delete_tenant                      DELETE  /tenants/{name}
list_policies                      GET     /policies
show_policy                        GET     /policies/{name}
list_policy_versions               GET     /policies/{name}/versions
draft_policy                       PUT     /policies/{name}
activate_policy                    POST    /policies/{name}/activate
roll_back_policy                   POST    /policies/{name}/rollback
delete_policy                      DELETE  /policies/{name}
show_posture                       GET     /posture
test_policy                        POST    /policies/{name}/test
test_policy_with_requests          POST    /policies/{name}/test/requests
test_policy_with_clients           POST    /policies/{name}/test/clients
list_signing_keys                  GET     /keys
rotate_signing_key                 POST    /keys
discard_signing_key                DELETE  /keys/{kid}
list_initial_access_tokens         GET     /initial-access-tokens
issue_initial_access_token         POST    /initial-access-tokens
show_initial_access_token          GET     /initial-access-tokens/{token_id}
revoke_initial_access_token        DELETE  /initial-access-tokens/{token_id}
list_admin_tokens                  GET     /admin-tokens
issue_admin_token                  POST    /admin-tokens
show_admin_token                   GET     /admin-tokens/{token_id}
revoke_admin_token                 DELETE  /admin-tokens/{token_id}
""")
