"""What a software statement must be to be believed (RFC 7591 2.3, RFC 7519, RFC 8725). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dcrserver import jose
from dcrserver.errors import InvalidSoftwareStatement, UnapprovedSoftwareStatement
from dcrserver.metadata.software_statements import objection, says_nothing
from dcrserver.policies.switches.software_statements import SoftwareStatementPolicy
from dcrserver.settings import StatementIssuerSettings
from dcrserver.strict_json import JsonObject, JsonValue
from dcrserver.tenants import Tenant, TrustedIssuer

# A JWT that says to be something else, such as an access token, is no statement (RFC 8725 3.11).
_TYPES = frozenset({"", "jwt", "application/jwt"})
_DOTS = 2  # of a compact JWS
_MAX_JTI = 256
# Of what is spent and never expires.
_NEVER = 2**53
_WHOLE = "software_statement must be a text that holds the whole JWT"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that can be believed, as it was sent: a JWT as compact JWS."""

    jws: jose.Jws
    issuer: TrustedIssuer

    @property
    def text(self) -> str:
        return self.jws.token

    @property
    def claims(self) -> JsonObject:
        return self.jws.claims

    @property
    def software_id(self) -> str:
        """Empty where it names none."""
        return self.jws.text("software_id")

    @property
    def single_use(self) -> str:
        """By which it is told whether it was used before; empty where it may be, again."""
        return "" if self.issuer.settings.reusable else self.jws.text("jti")

    @property
    def purpose(self) -> str:
        """One name space for each issuer: a jti of one says nothing about another's."""
        return f"software_statement:{self.issuer.settings.issuer}"

    def refused_after(self, maximum_age: int | None) -> int:
        """When it would be refused for its age, in seconds since 1970."""
        skew = self.issuer.settings.clock_skew
        ends = [self.jws.number("exp")]
        issued_at = self.jws.number("iat")
        if issued_at is not None:
            ages = (maximum_age, self.issuer.settings.maximum_age)
            ends += [issued_at + age for age in ages if age is not None]
        known = [end for end in ends if end is not None]
        return int(min(known)) + skew + 1 if known else _NEVER


def parsed(value: JsonValue) -> jose.Jws:
    """What a statement says; nothing of it is true yet.

    Raises:
        InvalidSoftwareStatement: it is none.
    """
    if not isinstance(value, str) or value.count(".") != _DOTS or not value.isascii():
        raise InvalidSoftwareStatement(_WHOLE)
    try:
        return jose.parse(value)
    except jose.BadJws as error:
        raise InvalidSoftwareStatement(f"software_statement cannot be read: {error}") from None


def issuer_of(
    jws: jose.Jws, tenant: Tenant, policy: SoftwareStatementPolicy
) -> TrustedIssuer | None:
    """Who is said to have signed it, of those that ``tenant`` trusts; None where others' statements
    count as not sent.

    Raises:
        InvalidSoftwareStatement: it names nobody.
        UnapprovedSoftwareStatement: it names somebody else.
    """
    name = jws.text("iss")
    if not name:
        raise InvalidSoftwareStatement("software_statement needs an iss, a text")
    found = tenant.statement_issuers.get(name) or _by_keys_alone(name, tenant.statement_keys)
    if found is None and policy.unknown_issuer == "reject":
        raise UnapprovedSoftwareStatement("the issuer of software_statement is not trusted here")
    return found


def _by_keys_alone(name: str, jwks_uri: str) -> TrustedIssuer | None:
    """Whoever signs by one of these keys is trusted, by whatever name; None without keys.

    Raises:
        InvalidSoftwareStatement: it is no name of an issuer.
    """
    if not jwks_uri:
        return None
    try:
        settings = StatementIssuerSettings(issuer=name, jwks_uri=jwks_uri)
    except ValueError:  # it would be told in answers, lists and logs
        raise InvalidSoftwareStatement(
            "software_statement needs an iss, a text of at most 512 printable characters"
        ) from None
    return TrustedIssuer(settings, declared=False)


def check_header(statement: Statement, policy: SoftwareStatementPolicy) -> None:
    """Before any key is looked for: what it says to be, and how it says to be signed.

    Raises:
        InvalidSoftwareStatement: one of them cannot be accepted.
    """
    said = statement.jws.header.get("typ", "")
    if not isinstance(said, str) or said.lower() not in _TYPES:
        raise InvalidSoftwareStatement("the typ of software_statement must be JWT, if it has one")
    accepted = set(statement.issuer.settings.algorithms)
    if policy.algorithms:
        accepted &= policy.algorithms
    if statement.jws.algorithm not in accepted:
        raise InvalidSoftwareStatement("the alg of software_statement is not accepted here")


def check_claims(
    statement: Statement, tenant: Tenant, policy: SoftwareStatementPolicy, now: float
) -> None:
    """What is asked of a statement each time; ``now`` in seconds since 1970.

    Raises:
        InvalidSoftwareStatement: a claim is missing, or cannot be accepted.
    """
    problems = (*_times(statement, policy, now), *_contents(statement, tenant, policy))
    if problems:
        raise InvalidSoftwareStatement("; ".join(f"software_statement {each}" for each in problems))


def check_contents(statement: Statement) -> None:
    """What is asked of a statement whenever it was made.

    Raises:
        InvalidSoftwareStatement: it holds what no statement may.
        UnapprovedSoftwareStatement: as ``check_approved``.
    """
    if found := objection(statement.claims):
        raise InvalidSoftwareStatement(f"software_statement {found}")
    check_approved(statement)


def check_approved(statement: Statement) -> None:
    """Whether software is welcome for which somebody vouches who is trusted.

    Raises:
        UnapprovedSoftwareStatement: its software is blocked.
    """
    if statement.software_id in statement.issuer.settings.blocked_software_ids:
        raise UnapprovedSoftwareStatement("the software of software_statement is not approved here")


def check_same_software(statement: Statement, held: str, *, same_issuer: bool) -> None:
    """A client does not become one of other software: people gave it their consent as what it was.

    A software_id means something to whom it was given by, so nobody but an administrator says that
    what another issuer calls so is the same: ``same_issuer``.

    Raises:
        UnapprovedSoftwareStatement: the statement that was ``held`` names another.
    """
    before = jose.parse(held)
    software_id = before.text("software_id")
    if software_id and statement.software_id != software_id:
        raise UnapprovedSoftwareStatement("software_statement is for other software")
    if same_issuer and statement.jws.text("iss") != before.text("iss"):
        raise UnapprovedSoftwareStatement(
            "software_statement is of another issuer than the one that the client has"
        )


def _times(statement: Statement, policy: SoftwareStatementPolicy, now: float) -> Iterator[str]:
    jws, skew = statement.jws, statement.issuer.settings.clock_skew
    for name in ("exp", "nbf", "iat"):
        moment = jws.number(name)
        if name not in jws.claims:
            continue
        if moment is None:
            yield f"has an {name} that is no time in seconds"
        elif name == "exp" and moment <= now - skew:
            yield "has expired"
        elif name == "exp" and moment > now + policy.maximum_lifetime + skew:
            yield f"is good for longer than {policy.maximum_lifetime} seconds (exp)"
        elif name != "exp" and moment > now + skew:
            yield f"is not good yet ({name})"
    ages = [age for age in (statement.issuer.settings.maximum_age, policy.maximum_age) if age]
    if ages:
        issued_at = jws.number("iat")
        if issued_at is None:
            yield "needs an iat, a time in seconds"
        elif issued_at + min(ages) <= now - skew:
            yield f"is older than {min(ages)} seconds"


def _contents(
    statement: Statement, tenant: Tenant, policy: SoftwareStatementPolicy
) -> Iterator[str]:
    settings, jws = statement.issuer.settings, statement.jws
    if not _is_for(settings.audience, jws.claims.get("aud"), tenant):
        yield "is for another audience (aud)"
    for name in sorted({*settings.required_claims, *policy.required_claims}):
        if says_nothing(jws.claims.get(name)):
            yield f"needs the claim {name}"
    jti = jws.claims.get("jti")
    if jti is not None and not (isinstance(jti, str) and 0 < len(jti) <= _MAX_JTI):
        yield f"has a jti that is no text of 1 to {_MAX_JTI} characters"
    software_id = jws.claims.get("software_id")
    if software_id is not None and not isinstance(software_id, str):
        yield "has a software_id that is no text"
    found = objection(jws.claims)
    if found:
        yield found


def _is_for(wanted: str | None, audience: JsonValue, tenant: Tenant) -> bool:
    """RFC 7519 4.1.3: whoever is not among those that are named must refuse it."""
    if audience is None:
        return wanted is None
    named = audience if isinstance(audience, list) else [audience]
    return (wanted or tenant.issuer) in named
