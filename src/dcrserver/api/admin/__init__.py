"""/admin/v1: what administrators do, a file for each noun."""

from dcrserver.api.admin import clients, deleted_clients, secrets

ROUTERS = [module.router.api for module in (clients, secrets, deleted_clients)]
