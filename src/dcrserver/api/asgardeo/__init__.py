"""The paths and names of Asgardeo's dynamic client registration, where they are switched on."""

from dcrserver.api.asgardeo import configuration, registration

ROUTERS = [module.router.api for module in (registration, configuration)]
