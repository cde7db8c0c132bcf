"""Kinds that the rows of several specifications share: the names of JOSE."""

from dcrserver.metadata import algorithms, kinds

SIGNING = kinds.choice("none", *algorithms.SIGNATURE, *algorithms.MAC)
# Where none is never an answer (CF-57).
SIGNED = kinds.choice(*algorithms.SIGNATURE, *algorithms.MAC, rule="CF-57")
# Where only the client can have signed.
ASYMMETRIC = kinds.choice(*algorithms.SIGNATURE, rule="CF-57")
ENCRYPTION = kinds.choice(*algorithms.ENCRYPTION, rule="CF-53")
CONTENT = kinds.choice(*algorithms.CONTENT_ENCRYPTION, rule="CF-52")
