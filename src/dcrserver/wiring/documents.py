"""What finds clients that name themselves by the URL of their metadata document."""

from __future__ import annotations

from dcrserver.rate_limit import RateLimiter
from dcrserver.services.documents.judging import DocumentJudge
from dcrserver.services.documents.reading import DocumentReader
from dcrserver.services.documents.resolver import DocumentClients
from dcrserver.services.registration.judgement import SubmissionValidator
from dcrserver.services.registration.remote_checks import RemoteChecks
from dcrserver.wiring.foundation import Foundation


def document_clients(
    base: Foundation,
    validator: SubmissionValidator,
    remote_checks: RemoteChecks,
    limiter: RateLimiter,
) -> DocumentClients | None:
    """On the one door to other servers, and the rules of registrations; None where they are off."""
    settings = base.configured.settings
    if not settings.documents.enabled:
        return None
    return DocumentClients(
        base.database,
        DocumentReader(base.configured.fetcher, settings.documents),
        DocumentJudge(base.surroundings, validator, base.statements, remote_checks),
        limiter,
        settings.documents,
        base.before,
    )
