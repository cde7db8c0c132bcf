"""What the database answers about policies: of the tenant that was named, else of all."""

from __future__ import annotations

from dcrserver.cli.administration.answers.here import Here, page, place_in, told, validated
from dcrserver.schemas.admin.jobs import Job
from dcrserver.schemas.admin.policies import (
    Policy,
    PolicyTestOnClients,
    PolicyTrial,
    PolicyTrials,
    PolicyVerdict,
    PolicyVerdicts,
    PolicyVersions,
    RollBack,
)
from dcrserver.strict_json import JsonObject


async def _list_policies(here: Here, *, limit: int, cursor: str | None = None) -> JsonObject:
    policies = here.operations.policy_administration
    found = await policies.policies(here.scope, place_in(cursor), limit + 1)
    return page(found, limit, policies.place_of, lambda each: told(Policy, each))


async def _show_policy(here: Here, *, name: str) -> JsonObject:
    return told(Policy, await here.operations.policy_administration.policy(here.scope, name))


async def _list_policy_versions(here: Here, *, name: str) -> JsonObject:
    found = await here.operations.policy_administration.versions(here.scope, name)
    return told(PolicyVersions, {"items": found})


async def _draft_policy(here: Here, *, name: str, body: JsonObject) -> JsonObject:
    policies = here.operations.policy_administration
    return told(Policy, await policies.draft(here.scope, name, body, here.origin))


async def _activate_policy(here: Here, *, name: str) -> JsonObject:
    policies = here.operations.policy_administration
    return told(Policy, await policies.activate(here.scope, name, here.origin))


async def _roll_back_policy(here: Here, *, name: str, body: JsonObject) -> JsonObject:
    policies, asked = here.operations.policy_administration, validated(RollBack, body)
    return told(Policy, await policies.roll_back(here.scope, name, here.origin, asked.version))


async def _test_policy(here: Here, *, name: str, body: JsonObject) -> JsonObject:
    from dcrserver.services.policies.trial import Trial, terms_of_trial

    policies, asked = here.operations.policy_administration, validated(PolicyTrial, body)
    tenant = here.configured().known()
    found = await policies.policy(here.scope, name)
    terms = terms_of_trial(tenant, found, policies.members, draft=asked.draft)
    trial = Trial(asked.request, asked.origin, asked.address)
    trials = here.operations.policy_trials
    return told(PolicyVerdict, await trials.one(tenant, terms, trial))


async def _test_policy_with_requests(here: Here, *, name: str, body: JsonObject) -> JsonObject:
    from dcrserver.services.policies.trial import Trial, terms_of_trial

    policies, asked = here.operations.policy_administration, validated(PolicyTrials, body)
    tenant = here.configured().known()
    found = await policies.policy(here.scope, name)
    terms = terms_of_trial(tenant, found, policies.members, draft=asked.draft)
    trials = [Trial(each.request, each.origin, each.address) for each in asked.requests]
    found_of = here.operations.policy_trials.many
    return told(PolicyVerdicts, await found_of(tenant, terms, trials))


async def _test_policy_with_clients(here: Here, *, name: str, body: JsonObject) -> JsonObject:
    from dcrserver.services.policies.trial import asked_of

    asked, tenant = validated(PolicyTestOnClients, body), here.configured().known()
    found = await here.operations.policy_administration.policy(here.scope, name)
    policy = asked_of(found, draft=asked.draft)
    service = here.operations.job_administration
    return told(Job, await service.try_policy(tenant, policy, asked.filter, here.origin))


async def _delete_policy(here: Here, *, name: str) -> JsonObject:
    await here.operations.policy_administration.delete(here.scope, name, here.origin)
    return {}


ANSWERS = (
    _list_policies, _show_policy, _list_policy_versions, _draft_policy, _activate_policy,
    _roll_back_policy, _delete_policy, _test_policy, _test_policy_with_requests,
    _test_policy_with_clients,
)  # fmt: skip
