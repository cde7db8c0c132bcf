"""JOSE algorithm names (RFC 7518, RFC 8037, RFC 8812, RFC 9864) and what each needs."""

from __future__ import annotations

from collections.abc import Collection

MAC = ("HS256", "HS384", "HS512")
SIGNATURE = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "Ed448",
)  # fmt: skip
SYMMETRIC_ENCRYPTION = (
    "A128KW", "A192KW", "A256KW", "A128GCMKW", "A192GCMKW", "A256GCMKW", "dir",
)  # fmt: skip
ENCRYPTION = (
    "RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512",
    "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW",
    *SYMMETRIC_ENCRYPTION,
)  # fmt: skip
CONTENT_ENCRYPTION = (
    "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM", "A256GCM",
)  # fmt: skip
DEFAULT_CONTENT_ENCRYPTION = "A128CBC-HS256"

# Which algorithms fit the methods that authenticate a client by an assertion.
OF_METHOD = {"private_key_jwt": SIGNATURE, "client_secret_jwt": MAC}


def of_assertions(
    method: str, registered: str | None, supported: Collection[str] | None
) -> frozenset[str]:
    """What may sign the assertions of a client: the ``registered`` algorithm, or else what the
    server says it takes (``supported``; None: it does not say); only what fits the ``method``.
    """
    fitting = frozenset(OF_METHOD.get(method, ()))
    if registered:
        return fitting.intersection({registered})
    return fitting if supported is None else fitting.intersection(supported)


def asymmetric(names: tuple[str, ...]) -> tuple[str, ...]:
    """``names``, of algorithms by which others sign: whoever verifies by a symmetric key can, too.

    Raises:
        ValueError: one is none of them.
    """
    for each in names:
        if each not in SIGNATURE:
            known = ", ".join(SIGNATURE)
            raise ValueError(f"'{each}' is no asymmetric algorithm; there are {known}")
    return names
