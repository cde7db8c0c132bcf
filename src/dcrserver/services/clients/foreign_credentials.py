"""Step: the credentials of a client that comes from elsewhere: as they are kept here.

A secret comes as itself, or as a hash that another server made of it, or of ours with the copy that
was encrypted under a key which is configured here too.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import NamedTuple

from dcrserver import security
from dcrserver.connectors.client import NewSecret
from dcrserver.repositories.clients import ClientRecord
from dcrserver.security import SealedIn, SecretBox, UndecipherableError
from dcrserver.services.secrets.kept import ClientSecret, ClientSecrets, secrets_of
from dcrserver.services.secrets.sealing import Sealing
from dcrserver.strict_json import JsonObject, JsonValue

# Ory Hydra keeps five beside the newest; each costs a slow hash where a secret is wrong.
_MAX_SECRETS = 6
_MAX_TOKENS = 2
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_TIME = 2**53


class NotImportable(ValueError):
    """A client cannot be imported; the message says why."""


class Held(NamedTuple):
    """Secrets, newest first; ``chosen`` are those whose slow hash is still to be made, else None.

    ``is_readable``: a copy of each is kept that can be read again.
    """

    secrets: tuple[ClientSecret, ...] = ()
    chosen: tuple[str | None, ...] = ()
    is_readable: bool = False

    def with_digests(self, digests: Mapping[str, str]) -> ClientSecrets:
        """``digests``: of those that were chosen."""
        return ClientSecrets(
            tuple(
                secret if chosen is None else secret._replace(digest=digests[chosen])
                for secret, chosen in zip(self.secrets, self.chosen, strict=True)
            )
        )


class Token(NamedTuple):
    """A registration access token by its digest; ``expires_at`` 0: never."""

    digest: str = ""
    expires_at: int = 0


def secrets_in(
    own: JsonObject,
    place: SealedIn,
    box: SecretBox,
    sealing: Sealing | None = None,
    *,
    readable: bool,
) -> Held:
    """The secrets among the members ``own``; none is no mistake.

    ``readable``: copies are wanted, as far as there is a key and what to copy. ``sealing``: of the
    newest, for targets, as far as there are any.

    Raises:
        NotImportable: one of them can be none.
    """
    listed = own["client_secrets"]
    if listed is None:
        listed = _single(own)
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise NotImportable("client_secrets must be an array of objects")
    if len(listed) > _MAX_SECRETS:
        raise NotImportable(f"client_secrets must not have more than {_MAX_SECRETS} elements")
    made = [_secret(each, place, box, readable=readable) for each in listed]
    if len({secret.id for secret, _ in made}) < len(made):
        raise NotImportable("client_secrets must have ids of their own")
    secrets = [secret for secret, _ in made]
    value = text_in(dict(listed[0]), "secret") if listed and isinstance(listed[0], dict) else None
    if sealing is not None and value is not None:
        new = NewSecret(value, secrets[0].expires_at)
        sealed = sealing.sealed(place.tenant, place.id, new)
        secrets[0] = secrets[0]._replace(sealed=sealed)
    return Held(
        tuple(secrets),
        tuple(chosen for _, chosen in made),
        all(secret.ciphertext for secret, _ in made),
    )


def _single(own: JsonObject) -> list[JsonValue]:
    given: JsonObject = {
        "secret": own["client_secret"],
        "hash": own["client_secret_hash"],
        "expires_at": own["client_secret_expires_at"],
    }
    return [given] if given["secret"] is not None or given["hash"] is not None else []


def _secret(
    given: JsonValue, place: SealedIn, box: SecretBox, *, readable: bool
) -> tuple[ClientSecret, str | None]:
    row = given if isinstance(given, dict) else {}
    value, hashed = text_in(row, "secret"), text_in(row, "hash")
    if (value is None) == (hashed is None):
        raise NotImportable("one of client_secret and client_secret_hash must be given, not both")
    digest, chosen = "", None
    if value is not None:
        if not security.is_presentable(value):
            raise NotImportable("client_secret must be printable, of at most 1024 characters")
        if security.looks_generated(value):
            digest = security.secret_digest(value)
        else:
            chosen = value
    else:
        try:
            digest = security.imported_digest(hashed or "")
        except ValueError as error:
            raise NotImportable(f"client_secret_hash {error}") from None
    secret_id, issued_at = text_in(row, "id"), time_in(row, "issued_at")
    if secret_id is not None and not _ID.fullmatch(secret_id):
        raise NotImportable("an id of client_secrets must be of 1 to 64 letters, digits, - and _")
    return ClientSecret(
        id=secret_id or security.new_id(),
        digest=digest,
        ciphertext=_copy(row, value, place, box) if readable else None,
        issued_at=int(time.time()) if issued_at is None else issued_at,
        expires_at=time_in(row, "expires_at") or 0,
    ), chosen


def _copy(row: JsonObject, value: str | None, place: SealedIn, box: SecretBox) -> str | None:
    """What can be read again: made of the secret, or brought along."""
    if value is not None:
        return box.encrypt(value, place) if box.can_encrypt else None
    ciphertext = text_in(row, "ciphertext")
    if ciphertext is None:
        return None
    try:
        box.decrypt(ciphertext, place)
    except UndecipherableError:
        raise NotImportable(
            "its secret was encrypted for another tenant, or under a key that is not among"
            " secrets.encryption_keys"
        ) from None
    return ciphertext


def tokens_in(own: JsonObject) -> tuple[Token, ...]:
    """The registration access token and the one before, as far as they came along.

    Raises:
        NotImportable: one of them can be none.
    """
    token = text_in(own, "registration_access_token")
    if token is not None:
        return (Token(security.token_digest(token)),)
    listed = own["registration_access_tokens"]
    if listed is None:
        return ()
    if not isinstance(listed, list) or len(listed) > _MAX_TOKENS:
        raise NotImportable("registration_access_tokens must be an array of at most two objects")
    return tuple(_token(each) for each in listed)


def _token(given: JsonValue) -> Token:
    row = given if isinstance(given, dict) else {}
    digest = text_in(row, "hash") or ""
    if not security.is_fast(digest):
        raise NotImportable("registration_access_tokens must have a hash each, SHA-256 in hex")
    return Token(digest, time_in(row, "expires_at") or 0)


def credentials_of(record: ClientRecord) -> JsonObject:
    """The members from which ``secrets_in`` and ``tokens_in`` make the same again."""
    made: JsonObject = {}
    if held := secrets_of(record).held:
        made["client_secrets"] = [_exported(secret) for secret in held]
    tokens = [
        (record.registration_access_token_digest, record.registration_access_token_expires_at),
        (
            record.previous_registration_access_token_digest,
            record.previous_registration_access_token_expires_at,
        ),
    ]
    kept = [(digest, ends_at) for digest, ends_at in tokens if digest]
    if kept:
        made["registration_access_tokens"] = [
            {"hash": digest, "expires_at": ends_at} for digest, ends_at in kept
        ]
    return made


def _exported(secret: ClientSecret) -> JsonObject:
    made: JsonObject = {
        "id": secret.id,
        "hash": secret.digest,
        "issued_at": secret.issued_at,
        "expires_at": secret.expires_at,
    }
    return made | ({"ciphertext": secret.ciphertext} if secret.ciphertext else {})


def text_in(own: Mapping[str, JsonValue], name: str) -> str | None:
    """The text called ``name`` among the members ``own``; None where there is none.

    Raises:
        NotImportable: it is something else, or empty.
    """
    value = own.get(name)
    if value is not None and (not isinstance(value, str) or not value):
        raise NotImportable(f"{_spelt(name)} must be a text")
    return value


def time_in(own: Mapping[str, JsonValue], name: str) -> int | None:
    """The moment, or duration, in seconds called ``name``; None where there is none.

    Raises:
        NotImportable: it is no such number.
    """
    value = own.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_TIME:
        raise NotImportable(f"{_spelt(name)} must be a whole number of seconds since 1970")
    return value


def _spelt(name: str) -> str:
    """As it is called where there is one secret only."""
    return {"secret": "client_secret", "hash": "client_secret_hash"}.get(
        name, "client_secret_expires_at" if name == "expires_at" else name
    )
