"""RFC 7517, RFC 7518 6, RFC 8037: public keys only, sound and consistent."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dcrserver.metadata.jwks import check, has_certificate, has_key_for, keys_for
from dcrserver.metadata.model import Unacceptable
from dcrserver.policies import JwksPolicy
from dcrserver.strict_json import JsonObject, JsonValue
from harness.cases import each

requirement = pytest.mark.requirement

CURVES: dict[str, tuple[ec.EllipticCurve, int]] = {
    "P-256": (ec.SECP256R1(), 32),
    "P-384": (ec.SECP384R1(), 48),
    "P-521": (ec.SECP521R1(), 66),
    "secp256k1": (ec.SECP256K1(), 32),
}
OCTET_KEYS: dict[str, tuple[Any, int]] = {
    "Ed25519": (ed25519.Ed25519PrivateKey, 32),
    "Ed448": (ed448.Ed448PrivateKey, 57),
    "X25519": (x25519.X25519PrivateKey, 32),
    "X448": (x448.X448PrivateKey, 56),
}
NAMES = ["RSA", *CURVES, *OCTET_KEYS]


def encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def encoded_number(number: int, size: int | None = None) -> str:
    return encoded(number.to_bytes(size or (number.bit_length() + 7) // 8))


def rsa_jwk(numbers: rsa.RSAPublicNumbers) -> JsonObject:
    return {"kty": "RSA", "n": encoded_number(numbers.n), "e": encoded_number(numbers.e)}


def ec_jwk(name: str, numbers: ec.EllipticCurvePublicNumbers) -> JsonObject:
    size = CURVES[name][1]
    x, y = (encoded_number(number, size) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": name, "x": x, "y": y}


def okp_jwk(name: str, key: Any) -> JsonObject:
    x = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "crv": name, "x": encoded(x)}


def certificate(key: Any, signer: Any = None) -> str:
    """A certificate about ``key`` as x5c has it: standard base64 of DER."""
    signer = signer or key
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "client.example.org")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(signer, algorithm)
    )
    return base64.b64encode(made.public_bytes(Encoding.DER)).decode()


class Keys:
    """One key of each kind, made once: JWKs by name, and their certificates."""

    def __init__(self) -> None:
        self.private: dict[str, Any] = {"RSA": rsa.generate_private_key(65537, 2048)}
        self.private |= {name: ec.generate_private_key(make) for name, (make, _) in CURVES.items()}
        self.private |= {name: make.generate() for name, (make, _) in OCTET_KEYS.items()}
        small = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused
        self.small = rsa_jwk(small.public_key().public_numbers())

    def jwk(self, name: str, /, **members: Any) -> JsonObject:
        public = self.private[name].public_key()
        if name == "RSA":
            made = rsa_jwk(public.public_numbers())
        elif name in CURVES:
            made = ec_jwk(name, public.public_numbers())
        else:
            made = okp_jwk(name, public)
        return made | members

    def certificate(self, name: str, signer: str | None = None) -> str:
        return certificate(self.private[name], self.private[signer] if signer else None)


@pytest.fixture(scope="module")
def keys() -> Keys:
    return Keys()


def key_set(*keys: JsonValue) -> JsonObject:
    return {"keys": [*keys]}


def refusal(value: JsonValue, **choices: Any) -> str:
    with pytest.raises(Unacceptable) as caught:
        check(value, JwksPolicy(**choices))
    assert str(caught.value).isascii()
    return str(caught.value)


# ---- the set -------------------------------------------------------------------------------


@each("name", NAMES)
def test_public_keys_are_accepted(keys: Keys, name: str) -> None:
    check(key_set(keys.jwk(name)), JwksPolicy())
    check(key_set(keys.jwk(name, kid="a", use="sig", alg="X", key_ops=["verify"])), JwksPolicy())


def test_all_together_and_none(keys: Keys) -> None:
    check(key_set(*(keys.jwk(name, kid=name, use="sig") for name in NAMES)), JwksPolicy())
    check(key_set(), JwksPolicy())


def test_unknown_members_are_for_others(keys: Keys) -> None:
    check(key_set(keys.jwk("RSA", x=1, iat=5)) | {"next": {"d": 1}}, JwksPolicy())


@each(
    "value", [None, True, 1, "x", [], {}, {"keys": None}, {"keys": {}}, {"keys": "x"}, {"Keys": []}]
)
def test_a_set_is_an_object_with_keys(value: JsonValue) -> None:
    assert refusal(value) == "must be a JSON object with an array 'keys'"


@requirement("POL-34")
@each("bound", [1, 20])
def test_the_number_of_keys_is_bounded(keys: Keys, bound: int) -> None:
    made = [keys.jwk("P-256", kid=str(number)) for number in range(bound + 1)]
    check(key_set(*made[:bound]), JwksPolicy(max_keys=bound))
    text = f"must not have more than {bound} keys"
    assert refusal(key_set(*made), max_keys=bound) == text


@requirement("POL-34")
def test_a_set_has_at_most_20_keys_by_default(keys: Keys) -> None:
    made = [keys.jwk("P-256", kid=str(number)) for number in range(21)]
    check(key_set(*made[1:]), JwksPolicy())
    assert refusal(key_set(*made)) == "must not have more than 20 keys"


@requirement("POL-34")
def test_a_kid_names_one_key(keys: Keys) -> None:
    twice = key_set(keys.jwk("RSA", kid="a"), keys.jwk("P-256"), keys.jwk("P-384", kid="a"))
    assert refusal(twice) == "must not name a kid twice"
    check(twice, JwksPolicy(duplicate_kid="accept"))
    check(key_set(keys.jwk("RSA", kid="a"), keys.jwk("P-256", kid="A")), JwksPolicy())
    check(key_set(keys.jwk("RSA"), keys.jwk("P-256")), JwksPolicy())


def test_the_key_at_fault_is_named_by_its_position(keys: Keys) -> None:
    good = keys.jwk("RSA")
    assert refusal(key_set(good, good, {"kty": "oct"}, {})).startswith("key 2 is symmetric")


# ---- one key -------------------------------------------------------------------------------


@each("key", [None, True, 1, "x", [], {}, {"kty": None}, {"kty": 1}, {"n": "x"}])
def test_a_key_is_an_object_with_a_type(key: JsonValue) -> None:
    assert refusal(key_set(key)) == "key 0 must be a JSON object with a text 'kty'"


@requirement("OIDR-2-15")
@each("key", [{"kty": "oct"}, {"kty": "oct", "k": "AA"}])
def test_symmetric_keys_are_refused(key: JsonObject) -> None:
    assert refusal(key_set(key)) == "key 0 is symmetric; only public keys may be registered"


@requirement("OIDR-2-15")
@each("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
@each("name", ["RSA", "P-256", "Ed25519"])
def test_private_members_are_refused(keys: Keys, name: str, member: str) -> None:
    for value in ("AA", "", None, []):
        text = refusal(key_set(keys.jwk(name, **{member: value})))
        assert text == "key 0 holds private key material; register the public key only"


@requirement("OIDR-2-15")
def test_private_members_of_a_key_of_unknown_type_are_refused() -> None:
    assert "private key material" in refusal(key_set({"kty": "AKP", "d": "AA"}))


@each("key", [{"kty": "AKP"}, {"kty": "rsa"}, {"kty": "ec", "crv": 1}])
def test_keys_of_an_unknown_type_are_passed_over(keys: Keys, key: JsonObject) -> None:
    """RFC 7517 5, with names that are case-sensitive."""
    check(key_set(key, keys.jwk("RSA")), JwksPolicy())


@each("member", ["kid", "use", "alg"])
@each("value", [None, True, 1, [], {}])
def test_what_a_key_says_of_itself_is_text(keys: Keys, member: str, value: JsonValue) -> None:
    for key in (keys.jwk("RSA", **{member: value}), {"kty": "AKP", member: value}):
        assert refusal(key_set(key)) == f"key 0 has a {member} that is not text"


@each("value", [None, "verify", 1, {}, [1], ["verify", None]])
def test_key_ops_is_an_array_of_text(keys: Keys, value: JsonValue) -> None:
    text = refusal(key_set(keys.jwk("RSA", key_ops=value)))
    assert text == "key 0 has a key_ops that is not an array of text"


BAD_BASE64URL = [
    None, 1, [], "", "A", "AAAAA", "AAA=", "AA==", "AA+A", "AA/A", "AA A", "AA\n", "AA.A", "\u00e9",
]  # fmt: skip
# The members of each key that are base64url.
BASE64URL_MEMBERS = [("RSA", "n"), ("RSA", "e"), ("P-256", "x"), ("P-256", "y"), ("Ed25519", "x")]


@each("name, member", BASE64URL_MEMBERS)
@each("value", BAD_BASE64URL)
def test_numbers_are_base64url(keys: Keys, name: str, member: str, value: JsonValue) -> None:
    key = keys.jwk(name, **{member: value})
    assert refusal(key_set(key)) == f"key 0 has no base64url {member}"


@each("name, member", BASE64URL_MEMBERS)
def test_numbers_are_required(keys: Keys, name: str, member: str) -> None:
    key = keys.jwk(name)
    del key[member]
    assert refusal(key_set(key)) == f"key 0 has no base64url {member}"


# ---- RSA -----------------------------------------------------------------------------------


@requirement("POL-34")
def test_small_rsa_keys_are_refused(keys: Keys) -> None:
    assert refusal(key_set(keys.small)) == "key 0 has an RSA modulus of less than 2048 bits"


@requirement("POL-34")
def test_the_smallest_rsa_key_is_a_choice(keys: Keys) -> None:
    check(key_set(keys.jwk("RSA")), JwksPolicy(min_rsa_bits=2048))
    text = "key 0 has an RSA modulus of less than 2049 bits"
    assert refusal(key_set(keys.jwk("RSA")), min_rsa_bits=2049) == text


@requirement("POL-34")
def test_zero_octets_in_front_make_no_key_larger(keys: Keys) -> None:
    modulus = base64.urlsafe_b64decode(f"{keys.small['n']}==")
    padded = {"kty": "RSA", "e": "AQAB", "n": encoded(bytes(200) + modulus)}
    assert "less than 2048 bits" in refusal(key_set(padded))


def test_huge_rsa_keys_are_refused() -> None:
    """Verifying with them would cost seconds."""
    largest = rsa_jwk(rsa.RSAPublicNumbers(65537, (1 << 8191) | 1))
    check(key_set(largest), JwksPolicy())
    larger = rsa_jwk(rsa.RSAPublicNumbers(65537, (1 << 8192) | 1))
    assert refusal(key_set(larger)) == "key 0 has an RSA modulus of more than 8192 bits"


def test_exponents_that_no_rsa_key_has(keys: Keys) -> None:
    key = keys.jwk("RSA", e=encoded_number(1))
    assert refusal(key_set(key)) == "key 0 is not a valid RSA key"


@pytest.mark.finding("S22")
@each(
    "exponent", [encoded_number(2), encoded_number(65536), encoded_number(1 << 64 | 1),
                 encoded_number((1 << 3071) - 1), encoded(bytes(8) + b"\1\0\1")],
)  # fmt: skip
def test_exponents_that_cost_much_or_are_even(keys: Keys, exponent: str) -> None:
    """Zero octets in front count: who registered before this is told apart by the length alone."""
    text = "key 0 has an RSA exponent that is even, or longer than 8 octets"
    assert refusal(key_set(keys.jwk("RSA", e=exponent))) == text


@pytest.mark.finding("S22")
def test_costly_keys_of_before_verify_nothing(keys: Keys) -> None:
    costly = keys.jwk("RSA", e=encoded_number((1 << 3071) - 1))
    usual = keys.jwk("RSA", e=encoded_number((1 << 64) - 1))
    check(key_set(usual), JwksPolicy())
    assert keys_for(key_set(costly, usual), "sig", "RS256") == [usual]


# ---- EC ------------------------------------------------------------------------------------


@each("name", CURVES)
@each("member", ["x", "y"])
def test_coordinates_have_the_length_of_the_curve(keys: Keys, name: str, member: str) -> None:
    """RFC 7518 6.2.1.2: zero octets in front are neither left out nor added."""
    size = CURVES[name][1]
    right = base64.urlsafe_b64decode(f"{keys.jwk(name)[member]}==")
    for octets in (right[1:], b"\0" + right):
        key = keys.jwk(name, **{member: encoded(octets)})
        text = f"key 0 has coordinates that are not {size} octets long"
        assert refusal(key_set(key)) == text


@each("name", CURVES)
def test_a_point_lies_on_its_curve(keys: Keys, name: str) -> None:
    size = CURVES[name][1]
    key = keys.jwk(name)
    text = f"key 0 is not a point on {name}"
    assert refusal(key_set(key | {"y": key["x"], "x": key["y"]})) == text
    assert refusal(key_set(key | {"x": encoded(bytes(size)), "y": encoded(bytes(size))})) == text
    assert refusal(key_set(key | {"x": encoded(b"\xff" * size)})) == text


def test_a_point_of_another_curve_is_refused(keys: Keys) -> None:
    assert "not a point" in refusal(key_set(keys.jwk("P-256", crv="secp256k1")))


@each("name", ["P-256", "Ed25519"])
@each("value", [None, 1, [], {}])
def test_a_curve_is_text(keys: Keys, name: str, value: JsonValue) -> None:
    assert refusal(key_set(keys.jwk(name, crv=value))) == "key 0 has no crv"
    key = keys.jwk(name)
    del key["crv"]
    assert refusal(key_set(key)) == "key 0 has no crv"


@each("kty", ["EC", "OKP"])
@each("curve", ["p-256", "brainpoolP256r1", "ed25519", ""])
def test_keys_on_an_unknown_curve_are_passed_over(kty: str, curve: str) -> None:
    check(key_set({"kty": kty, "crv": curve}), JwksPolicy())


# ---- OKP -----------------------------------------------------------------------------------


@each("name", OCTET_KEYS)
def test_octet_keys_have_the_length_of_the_curve(name: str) -> None:
    """RFC 8037 2."""
    size = OCTET_KEYS[name][1]
    for wrong in (size - 1, size + 1):
        key: JsonObject = {"kty": "OKP", "crv": name, "x": encoded(b"\x01" * wrong)}
        assert refusal(key_set(key)) == f"key 0 has an x that is not {size} octets long"


# ---- x5c -----------------------------------------------------------------------------------


@requirement("OIDR-2-14")
@each("name", ["RSA", "P-256", "P-521", "Ed25519"])
def test_a_certificate_about_the_key_is_accepted(keys: Keys, name: str) -> None:
    check(key_set(keys.jwk(name, x5c=[keys.certificate(name)])), JwksPolicy())
    chain = [keys.certificate(name, signer="P-384"), keys.certificate("P-384")]
    check(key_set(keys.jwk(name, x5c=chain)), JwksPolicy())


@requirement("OIDR-2-14")
@each(
    "name, other",
    [
        ("RSA", "P-256"),
        ("P-256", "P-384"),
        ("P-256", "secp256k1"),
        ("Ed25519", "P-256"),
        ("Ed25519", "Ed448"),
        ("X25519", "P-256"),
    ],
)
def test_a_certificate_about_another_key_is_refused(keys: Keys, name: str, other: str) -> None:
    chain = [keys.certificate(other, signer="P-256"), keys.certificate("RSA")]
    key = keys.jwk(name, x5c=chain)
    assert refusal(key_set(key)) == "key 0 has an x5c that is not about the same key"


@requirement("OIDR-2-14")
def test_a_certificate_about_another_key_of_the_same_kind_is_refused(keys: Keys) -> None:
    for name in ("P-256", "Ed25519"):
        other = certificate(
            ed25519.Ed25519PrivateKey.generate()
            if name == "Ed25519"
            else ec.generate_private_key(ec.SECP256R1())
        )
        text = refusal(key_set(keys.jwk(name, x5c=[other])))
        assert text == "key 0 has an x5c that is not about the same key"


@requirement("OIDR-2-14")
def test_the_first_certificate_is_the_one_about_the_key(keys: Keys) -> None:
    chain = [keys.certificate("P-256"), keys.certificate("RSA")]
    assert "not about the same key" in refusal(key_set(keys.jwk("RSA", x5c=chain)))


@requirement("OIDR-2-14")
def test_the_bare_key_stays_beside_its_certificate(keys: Keys) -> None:
    key: JsonObject = {"kty": "RSA", "x5c": [keys.certificate("RSA")]}
    assert refusal(key_set(key)) == "key 0 has no base64url n"


@each("value", [None, "AA", 1, {}, [], [1], [None], ["AA", {}]])
def test_x5c_is_a_chain(keys: Keys, value: JsonValue) -> None:
    text = refusal(key_set(keys.jwk("RSA", x5c=value)))
    assert text == "key 0 has an x5c that is not a non-empty array of text"


GARBAGE: list[Callable[[str], list[str]]] = [
    lambda _: [""],
    lambda _: ["AA=="],
    lambda _: ["\u00e9"],
    lambda _: ["-----BEGIN CERTIFICATE-----"],
    lambda good: [good[:-8]],
    lambda good: [f"{good[:60]}\n{good[60:]}"],
    lambda good: [good, "AA=="],
]


@each("spoil", GARBAGE)
def test_garbage_in_a_chain_is_refused(keys: Keys, spoil: Callable[[str], list[str]]) -> None:
    key = keys.jwk("RSA", x5c=spoil(keys.certificate("RSA")))
    assert refusal(key_set(key)) == "key 0 has an x5c that does not hold certificates"


def test_x5c_is_standard_base64(keys: Keys) -> None:
    """RFC 7517 4.7: not base64url, unlike everything else in a key."""
    good = keys.certificate("RSA")
    assert {"+", "/"} & set(good)
    spoilt = good.replace("+", "-").replace("/", "_")
    assert "does not hold certificates" in refusal(key_set(keys.jwk("RSA", x5c=[spoilt])))


# ---- use -----------------------------------------------------------------------------------


@requirement("OIDR-2-13")
def test_with_an_encryption_key_every_key_says_its_use(keys: Keys) -> None:
    signing, encryption = keys.jwk("RSA", use="sig"), keys.jwk("P-256", use="enc")
    check(key_set(signing, encryption), JwksPolicy())
    check(key_set(encryption), JwksPolicy())
    check(key_set(signing, keys.jwk("P-256")), JwksPolicy())
    text = "must give each key a use when it holds an encryption key"
    assert refusal(key_set(keys.jwk("RSA"), encryption)) == text
    assert refusal(key_set(signing, encryption, keys.jwk("P-384"))) == text


@requirement("OIDR-2-13")
@each(
    "name, members",
    [
        ("RSA", {"alg": "RSA-OAEP"}),
        ("P-384", {"alg": "ECDH-ES"}),
        ("RSA", {"key_ops": ["encrypt"]}),
        ("X25519", {}),
    ],
)
def test_an_encryption_key_is_known_by_more_than_its_use(
    keys: Keys, name: str, members: JsonObject
) -> None:
    """It lacks the use that a set of signing and encryption keys must have."""
    mixed = key_set(keys.jwk("P-256", use="sig"), keys.jwk(name, **members))
    assert "a use" in refusal(mixed)


def test_an_algorithm_that_nobody_knows_makes_no_encryption_key(keys: Keys) -> None:
    """RFC 7517 4.4 lets a key name any algorithm: two signing keys stay two signing keys."""
    other = keys.jwk("P-256", alg="urn:example:signature", key_ops=["verify"])
    check(key_set(keys.jwk("RSA", alg="RS256"), other), JwksPolicy())


def test_keys_of_an_unknown_type_need_no_use(keys: Keys) -> None:
    """RFC 7517 5: they are ignored, so they cannot make a set wrong."""
    check(key_set(keys.jwk("RSA", use="enc"), {"kty": "AKP"}), JwksPolicy())


# ---- has_key_for ---------------------------------------------------------------------------

SIGNING_KEYS = {
    "RS256": {"RSA"},
    "RS384": {"RSA"},
    "RS512": {"RSA"},
    "PS256": {"RSA"},
    "PS384": {"RSA"},
    "PS512": {"RSA"},
    "ES256": {"P-256"},
    "ES384": {"P-384"},
    "ES512": {"P-521"},
    "ES256K": {"secp256k1"},
    "EdDSA": {"Ed25519", "Ed448"},
    "Ed25519": {"Ed25519"},
    "Ed448": {"Ed448"},
    None: {"RSA", *CURVES, "Ed25519", "Ed448"},
    "HS256": set(),
    "none": set(),
    "unknown": set(),
}
ENCRYPTION_KEYS = {
    "RSA-OAEP": {"RSA"},
    "RSA-OAEP-256": {"RSA"},
    "ECDH-ES": {*CURVES, "X25519", "X448"},
    "ECDH-ES+A128KW": {*CURVES, "X25519", "X448"},
    None: {"RSA", *CURVES, "X25519", "X448"},
}


@requirement("OIDR-2-13")
@each(
    "use, algorithm, fitting",
    [("sig", *row) for row in SIGNING_KEYS.items()]
    + [("enc", *row) for row in ENCRYPTION_KEYS.items()],
)
def test_which_key_does_what(
    keys: Keys, use: str, algorithm: str | None, fitting: set[str]
) -> None:
    found = {name for name in NAMES if has_key_for(key_set(keys.jwk(name)), use, algorithm)}
    assert found == fitting


@each(
    "members, use, algorithm",
    [
        ({"use": "sig"}, "sig", None),
        ({"use": "sig"}, "sig", "RS256"),
        ({"use": "enc"}, "enc", "RSA-OAEP"),
        ({"alg": "RS256"}, "sig", "RS256"),
        ({"alg": "RS256"}, "sig", None),
        ({"alg": "RSA-OAEP"}, "enc", "RSA-OAEP"),
        ({"key_ops": ["verify"]}, "sig", "RS256"),
        ({"key_ops": ["sign", "verify"]}, "sig", None),
        ({"key_ops": ["wrapKey"]}, "enc", None),
        ({"key_ops": ["encrypt", "verify"]}, "enc", "RSA-OAEP"),
        ({"use": "sig", "alg": "PS512", "key_ops": ["verify"]}, "sig", "PS512"),
    ],
)
def test_what_a_key_allows(
    keys: Keys, members: JsonObject, use: str, algorithm: str | None
) -> None:
    assert has_key_for(key_set(keys.jwk("RSA", **members)), use, algorithm)


@each(
    "members, use, algorithm",
    [
        ({"use": "enc"}, "sig", None),
        ({"use": "enc"}, "sig", "RS256"),
        ({"use": "sig"}, "enc", "RSA-OAEP"),
        ({"use": "tls"}, "sig", None),
        ({"alg": "RS384"}, "sig", "RS256"),
        ({"alg": "RS256"}, "enc", "RSA-OAEP"),
        ({"alg": "rs256"}, "sig", "RS256"),
        ({"key_ops": []}, "sig", None),
        ({"key_ops": ["encrypt"]}, "sig", "RS256"),
        ({"key_ops": ["verify"]}, "enc", None),
        ({"key_ops": ["deriveKey"]}, "sig", None),
        ({"use": "sig", "key_ops": ["encrypt"]}, "sig", None),
        # RFC 7517 4.4: a key that is for an encryption algorithm verifies no signature.
        ({"alg": "RSA-OAEP"}, "sig", None),
        ({"alg": "RS256"}, "enc", None),
    ],
)
def test_what_a_key_does_not_allow(
    keys: Keys, members: JsonObject, use: str, algorithm: str | None
) -> None:
    assert not has_key_for(key_set(keys.jwk("RSA", **members)), use, algorithm)


def test_one_fitting_key_is_enough(keys: Keys) -> None:
    made = key_set(keys.jwk("P-256", use="enc"), {"kty": "AKP"}, keys.jwk("RSA", use="sig"))
    assert has_key_for(made, "sig", "RS256")
    assert has_key_for(made, "enc", "ECDH-ES")
    assert not has_key_for(made, "sig", "ES256")
    assert not has_key_for(made, "enc", "RSA-OAEP")


@each("value", [None, "x", {}, {"keys": 1}, {"keys": []}, {"keys": [1, None]}])
def test_without_keys_there_is_none(value: JsonValue) -> None:
    assert not has_key_for(value, "sig")


@each("use", ["sig", "enc"])
@each(
    "key",
    [
        {"kty": "AKP", "alg": "ML-DSA-44"},
        {"kty": "oct"},
        {},
        {"kty": "EC", "crv": "brainpoolP256r1"},
        {"kty": "OKP", "crv": "unknown"},
    ],
)
def test_keys_that_are_passed_over_are_of_no_use(key: JsonObject, use: str) -> None:
    """Nobody here could verify or encrypt with them."""
    assert not has_key_for(key_set(key), use)


# ---- purpose -------------------------------------------------------------------------------


@requirement("OIDR-2-13")
@each(
    "name, members, told",
    [
        ("RSA", {"use": "sig", "key_ops": ["encrypt"]}, "key_ops that do not fit its use sig"),
        ("RSA", {"use": "enc", "key_ops": ["verify"]}, "key_ops that do not fit its use enc"),
        ("RSA", {"use": "enc", "alg": "RS256"}, "use that does not fit its alg RS256"),
        ("RSA", {"use": "sig", "alg": "RSA-OAEP"}, "use that does not fit its alg RSA-OAEP"),
        ("RSA", {"use": "sig", "alg": "RSA1_5"}, "use that does not fit its alg RSA1_5"),
        ("P-256", {"alg": "RS256"}, "type that does not fit its alg RS256"),
        ("P-256", {"alg": "ES384"}, "type that does not fit its alg ES384"),
        ("P-256", {"alg": "RSA-OAEP"}, "type that does not fit its alg RSA-OAEP"),
        ("RSA", {"alg": "ES256"}, "type that does not fit its alg ES256"),
        ("RSA", {"alg": "ECDH-ES"}, "type that does not fit its alg ECDH-ES"),
        ("Ed25519", {"alg": "Ed448"}, "type that does not fit its alg Ed448"),
        ("X25519", {"alg": "EdDSA"}, "type that does not fit its alg EdDSA"),
        ("Ed25519", {"alg": "ECDH-ES"}, "type that does not fit its alg ECDH-ES"),
    ],
)
def test_a_key_does_not_contradict_itself(
    keys: Keys, name: str, members: JsonObject, told: str
) -> None:
    assert refusal(key_set(keys.jwk(name, **members))) == f"key 0 has a {told}".replace(
        "a key_ops", "key_ops"
    )


@each(
    "name, members",
    [
        ("RSA", {"use": "sig", "key_ops": ["verify"], "alg": "PS256"}),
        ("RSA", {"use": "enc", "key_ops": ["wrapKey", "encrypt"], "alg": "RSA-OAEP-256"}),
        ("RSA", {"use": "sig", "key_ops": ["verify", "encrypt"]}),
        ("RSA", {"use": "sig", "key_ops": ["x-own"]}),
        ("RSA", {"use": "tls", "alg": "RS256"}),
        ("RSA", {"use": "sig", "alg": "XX999"}),
        ("RSA", {"alg": "RSA1_5"}),
        ("P-384", {"alg": "ES384"}),
        ("P-384", {"alg": "ECDH-ES+A256KW", "use": "enc", "key_ops": ["deriveKey"]}),
        ("X448", {"alg": "ECDH-ES"}),
        ("Ed448", {"alg": "EdDSA", "use": "sig"}),
    ],
)
def test_a_key_that_says_what_it_is_for(keys: Keys, name: str, members: JsonObject) -> None:
    check(key_set(keys.jwk(name, **members)), JwksPolicy())


def test_keys_of_an_unknown_kind_are_passed_over_whatever_they_say() -> None:
    check({"keys": [{"kty": "EC", "crv": "P-999", "alg": "RS256"}]}, JwksPolicy())


def test_all_keys_at_fault_are_named(keys: Keys) -> None:
    bad = key_set({"kty": "oct"}, keys.jwk("RSA"), {"kty": 1})
    assert refusal(bad) == (
        "key 0 is symmetric; only public keys may be registered,"
        " key 2 must be a JSON object with a text 'kty'"
    )


@requirement("R8705-2.2-01")
def test_which_sets_hold_a_certificate(keys: Keys) -> None:
    plain, certified = keys.jwk("RSA"), keys.jwk("P-256", x5c=[keys.certificate("P-256")])
    assert has_certificate(key_set(plain, certified))
    for value in (key_set(plain), key_set(), {}, None, [], {"keys": "x5c"}, {"keys": [1]}):
        assert not has_certificate(value)
