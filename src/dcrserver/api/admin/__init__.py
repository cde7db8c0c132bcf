"""/admin/v1: what administrators do, a file for each noun."""

from dcrserver.api.admin import client_changes, clients, deleted_clients, secrets

ROUTERS = [module.router.api for module in (clients, client_changes, secrets, deleted_clients)]
