"""Kinds that the rows of several specifications share: the names of JOSE."""

from dcrserver.metadata import algorithms, kinds
from dcrserver.metadata.roles import Role

_SIGNATURES = (Role.REQUEST_SIGNATURE, Role.RESPONSE_SIGNATURE, Role.ASSERTION_SIGNATURE)

SIGNING = kinds.choice("none", *algorithms.SIGNATURE, *algorithms.MAC, roles=_SIGNATURES)
# Where none is never an answer (CF-57).
SIGNED = kinds.choice(*algorithms.SIGNATURE, *algorithms.MAC, rule="CF-57", roles=_SIGNATURES)
# Where only the client can have signed.
ASYMMETRIC = kinds.choice(*algorithms.SIGNATURE, rule="CF-57", roles=_SIGNATURES)
ENCRYPTION = kinds.choice(
    *algorithms.ENCRYPTION,
    rule="CF-53",
    roles=(Role.REQUEST_ENCRYPTION, Role.RESPONSE_ENCRYPTION),
)
CONTENT = kinds.choice(
    *algorithms.CONTENT_ENCRYPTION, rule="CF-52", roles=(Role.CONTENT_ENCRYPTION,)
)
