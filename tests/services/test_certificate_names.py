"""Names in certificates, by the members that may name one."""

from __future__ import annotations

from dcrserver.metadata.catalogue import members
from dcrserver.metadata.certificates import SUBJECTS
from dcrserver.metadata.roles import Role


def test_each_member_that_names_a_certificate_is_looked_for_in_one() -> None:
    """One that is not would be registered, and never let its client in."""
    assert tuple(SUBJECTS) == members(Role.CERTIFICATE_SUBJECT)
