"""/admin/v1/policies: administrators write policies, and decide which version counts."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from dcrserver.api.admin.jobs import begun
from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import Caller, CallerOf, RuntimeOf
from dcrserver.edge.conditions import ExpectedOf
from dcrserver.edge.pages import Page, PagingOf
from dcrserver.edge.routers import Router
from dcrserver.metadata import Terms
from dcrserver.names import ALL_TENANTS
from dcrserver.schemas.admin.jobs import Job
from dcrserver.schemas.admin.parts import example_of_body
from dcrserver.schemas.admin.policies import (
    Policy,
    PolicyCheck,
    PolicyDocument,
    PolicyProblem,
    PolicyTestOnClients,
    PolicyTrial,
    PolicyTrials,
    PolicyVerdict,
    PolicyVerdicts,
    PolicyVersion,
    PolicyVersions,
    RollBack,
)
from dcrserver.services.policies.trial import (
    Trial,
    asked_of,
    terms_of_trial,
)
from dcrserver.services.policies.views import PolicyView
from dcrserver.tenants import Tenant
from dcrserver.wiring.runtime import Runtime

router = Router(AdminRoute, "/policies", "policies")

_CHANGING = (409, 412, 428)
_EXAMPLE = example_of_body({"preset": "mcp", "registration": {"required": ["client_name"]}})
NameOf: TypeAlias = Annotated[str, Path(description="its name", examples=["strict"])]


def scope_of(request: Request, here: RuntimeOf, caller: CallerOf) -> str:
    """Whose policies are meant: those of all tenants, where an administrator of all names none."""
    is_named = "tenant" in request.query_params or caller.tenant is not here.default_tenant
    return caller.tenant.name if is_named or caller.actor.tenant is not None else ALL_TENANTS


ScopeOf: TypeAlias = Annotated[str, Depends(scope_of)]


@router.get(
    "",
    scope="policies:read",
    summary="List policies",
    operation_id="list_policies",
    response_model=Page[Policy],
)
async def list_policies(
    here: RuntimeOf, caller: CallerOf, whose: ScopeOf, paging: PagingOf
) -> Page[Policy]:
    """All that mean something for a tenant, by name: declared, its own, and those of all."""
    del caller
    policies = here.policy_administration
    found = await policies.policies(whose, paging.after, paging.limit + 1)
    return paging.page(found, policies.place_of, Policy.model_validate)


@router.put(
    "/{name}",
    scope="policies:write",
    summary="Draft a policy",
    operation_id="draft_policy",
    openapi_extra=_EXAMPLE,
    response_model=Policy,
    refusals=_CHANGING,
)
async def draft_policy(
    here: RuntimeOf,
    caller: CallerOf,
    whose: ScopeOf,
    name: NameOf,
    body: PolicyDocument,
    expected: ExpectedOf,
    response: Response,
) -> Policy:
    """What its next version will say; nobody is judged by it until it is activated."""
    service = here.policy_administration
    made = await service.draft(whose, name, body, caller.origin, expected)
    return _tagged(made, response)


@router.get(
    "/{name}",
    scope="policies:read",
    summary="Show a policy",
    operation_id="show_policy",
    response_model=Policy,
)
async def show_policy(
    here: RuntimeOf, caller: CallerOf, whose: ScopeOf, name: NameOf, response: Response
) -> Policy:
    """What a policy says, and which version that is."""
    del caller
    return _tagged(await here.policy_administration.policy(whose, name), response)


@router.post(
    "/{name}/check",
    scope="policies:read",
    summary="Check a policy",
    operation_id="check_policy",
    openapi_extra=_EXAMPLE,
    response_model=PolicyCheck,
)
async def check_policy(
    here: RuntimeOf, caller: CallerOf, name: NameOf, body: PolicyDocument
) -> PolicyCheck:
    """What is wrong with a policy, if anything is; nothing is stored."""
    del caller, name
    problems = here.policy_administration.check(body)
    told = [PolicyProblem(pointer=f"#{each.pointer}", detail=each.text) for each in problems]
    return PolicyCheck(valid=not told, problems=told)


@router.post(
    "/{name}/test",
    scope="policies:read",
    summary="Try a policy with a registration",
    operation_id="test_policy",
    openapi_extra=example_of_body({"request": {"redirect_uris": ["https://client.example/cb"]}}),
    response_model=PolicyVerdict,
    refusals=(409,),
)
async def test_policy(
    here: RuntimeOf, caller: CallerOf, whose: ScopeOf, name: NameOf, body: PolicyTrial
) -> PolicyVerdict:
    """What it would make of a registration, of which nothing is stored. Its software statement is
    read, and told is how many clients there are like it where a statement counts or limits them.
    """
    tenant, terms = await _tried_by(here, caller, whose, name, draft=body.draft)
    trial = Trial(body.request, body.origin, body.address)
    return PolicyVerdict.model_validate(
        await here.administration.policy_trials.one(tenant, terms, trial)
    )


@router.post(
    "/{name}/test/requests",
    scope="policies:read",
    summary="Try a policy with many registrations",
    operation_id="test_policy_with_requests",
    response_model=PolicyVerdicts,
    refusals=(409,),
)
async def test_policy_with_requests(
    here: RuntimeOf, caller: CallerOf, whose: ScopeOf, name: NameOf, body: PolicyTrials
) -> PolicyVerdicts:
    """What it would make of each, by kinds; nothing is stored, and no software statement read."""
    tenant, terms = await _tried_by(here, caller, whose, name, draft=body.draft)
    trials = [Trial(each.request, each.origin, each.address) for each in body.requests]
    return PolicyVerdicts.model_validate(
        await here.administration.policy_trials.many(tenant, terms, trials)
    )


@router.post(
    "/{name}/test/clients",
    scope="jobs:write",
    summary="Try a policy with the clients that there are",
    operation_id="test_policy_with_clients",
    status_code=202,
    response_model=Job,
    refusals=(409,),
)
async def test_policy_with_clients(
    here: RuntimeOf,
    caller: CallerOf,
    whose: ScopeOf,
    name: NameOf,
    body: PolicyTestOnClients,
    response: Response,
) -> Job:
    """A job judges each as if it sent back what it has registered, and changes none: its report
    tells who would be refused, and who changed and how, by kinds. Also needed are `clients:read`
    and `policies:read`.
    """
    for scope in ("clients:read", "policies:read"):
        caller.actor.require(scope)
    found = await here.policy_administration.policy(whose, name)
    policy = asked_of(found, draft=body.draft)
    service = here.job_administration
    made = await service.try_policy(caller.tenant.known(), policy, body.filter, caller.origin)
    return begun(made, caller, response)


@router.post(
    "/{name}/activate",
    scope="policies:write",
    summary="Activate the draft of a policy",
    operation_id="activate_policy",
    response_model=Policy,
    refusals=_CHANGING,
)
async def activate_policy(
    here: RuntimeOf,
    caller: CallerOf,
    whose: ScopeOf,
    name: NameOf,
    expected: ExpectedOf,
    response: Response,
) -> Policy:
    """The draft becomes the next version; whoever is bound to the policy follows it."""
    made = await here.policy_administration.activate(whose, name, caller.origin, expected)
    return _tagged(made, response)


@router.post(
    "/{name}/rollback",
    scope="policies:write",
    summary="Roll a policy back",
    operation_id="roll_back_policy",
    response_model=Policy,
    refusals=_CHANGING,
)
async def roll_back_policy(
    here: RuntimeOf,
    caller: CallerOf,
    whose: ScopeOf,
    name: NameOf,
    expected: ExpectedOf,
    response: Response,
    body: RollBack | None = None,
) -> Policy:
    """An earlier version counts again, under its own number."""
    made = await here.policy_administration.roll_back(
        whose, name, caller.origin, body.version if body else None, expected
    )
    return _tagged(made, response)


@router.get(
    "/{name}/versions",
    scope="policies:read",
    summary="List the versions of a policy",
    operation_id="list_policy_versions",
    response_model=PolicyVersions,
)
async def list_policy_versions(
    here: RuntimeOf, caller: CallerOf, whose: ScopeOf, name: NameOf
) -> PolicyVersions:
    """Those that were ever active, the newest first."""
    del caller
    found = await here.policy_administration.versions(whose, name)
    return PolicyVersions(items=[PolicyVersion.model_validate(each) for each in found])


@router.delete(
    "/{name}",
    scope="policies:write",
    summary="Delete a policy",
    operation_id="delete_policy",
    status_code=204,
    refusals=_CHANGING,
)
async def delete_policy(
    here: RuntimeOf, caller: CallerOf, whose: ScopeOf, name: NameOf, expected: ExpectedOf
) -> Response:
    """With all of its versions, where no client, token or tenant is bound to it."""
    await here.policy_administration.delete(whose, name, caller.origin, expected)
    return Response(status_code=204)


def _tagged(found: PolicyView, response: Response) -> Policy:
    response.headers["ETag"] = found.etag
    return Policy.model_validate(found)


async def _tried_by(
    here: Runtime, caller: Caller, whose: str, name: str, *, draft: bool | None
) -> tuple[Tenant, Terms]:
    """Of whom registrations are tried, and what they are judged by."""
    policies, tenant = here.policy_administration, caller.tenant.known()
    found = await policies.policy(whose, name)
    return tenant, terms_of_trial(tenant, found, policies.members, draft=draft)
