"""What the software statement of a client says, as conditions read it: ``statement.CLAIM``.

No registration holds a statement that was not verified, so that nothing is verified here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from dcrserver.caches import bounded_cache
from dcrserver.strict_json import JsonObject, JsonValue, stored

PREFIX = "statement."
# metadata.catalogue.VERIFIED.
_STATEMENT = "software_statement"
_ISSUER = "software_statement_issuer"
_NONE: Mapping[str, JsonValue] = MappingProxyType({})
# A mark by its type, as OpenID Federation 1.0 7 calls it now, and did before.
_MARKS = "trust_marks"
_TYPES = ("trust_mark_type", "id")


def claims_of(members: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """The claims of the statement in ``members``, those within others as ``outer.inner``.

    ``iss``: who was found to have signed it. ``trust_marks``: their types, as the issuer of the
    statement vouches for them.
    """
    text = members.get(_STATEMENT)
    if not isinstance(text, str):
        return _NONE
    return {**_claims_in(text), "iss": members.get(_ISSUER)}


# All statements of a policy ask of the same few.
@bounded_cache(entries=256, longest=8192)
def _claims_in(jws: str) -> Mapping[str, JsonValue]:
    payload = jws.split(".")[1]
    claims = stored(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode())
    marks = claims.get(_MARKS)
    if isinstance(marks, list):
        claims[_MARKS] = [*filter(None, map(_type_of, marks))]
    return dict(_flat(claims, ""))


def _flat(claims: JsonObject, above: str) -> Iterator[tuple[str, JsonValue]]:
    for name, value in claims.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, value


def _type_of(mark: JsonValue) -> JsonValue:
    if not isinstance(mark, dict):
        return mark
    return next((mark[name] for name in _TYPES if name in mark), None)
