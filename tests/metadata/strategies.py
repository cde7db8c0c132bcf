"""Submissions for properties: sensible ones, odd ones, and the terms to judge them by."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from dcrserver.metadata import PARAMETERS, SERVER_ASSIGNED, Terms
from dcrserver.metadata.capabilities import UNCONFIGURED, capabilities_of
from dcrserver.policies.presets import PRESETS
from dcrserver.strict_json import JsonObject
from metadata.support import EVERYTHING, TERMS, base_of, terms

JUDGED_BY = {
    "everything": TERMS,
    "everything on": terms(
        grants={"implicit": True, "password": True},
        id_token={"allow_none": True},
        redirect={
            "allow_userinfo": True,
            "web_custom_scheme": True,
            "require_dot_in_scheme": False,
            "ip_literal_https": True,
        },
        uris={"require_https_display": False},
    ),
    "unconfigured": Terms(server=capabilities_of(UNCONFIGURED)),
    "nothing known": Terms(),
    "strict": terms(
        readable_secrets=False,
        grants={"unsupported": "reject"},
        scope={"unknown": "reject"},
        uris={"same_host": True},
        redirect={"native_claimed_https": False, "undotted_schemes": [], "query": False},
        registration={"infer_application_type": False},
    ),
    "substituting": terms(
        algorithms={"unsupported": "substitute"},
        supported={
            "token_endpoint_auth_methods_supported": ("client_secret_post", "none"),
            "id_token_signing_alg_values_supported": ("ES256",),
            "userinfo_encryption_enc_values_supported": ("A256GCM",),
        },
    ),
}
JUDGED_BY |= {name: terms(preset=name) for name in PRESETS if name != "default"}
TERMS_OF = st.sampled_from(sorted(JUDGED_BY)).map(JUDGED_BY.__getitem__)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
REDIRECTS = st.lists(
    st.sampled_from(
        [
            "https://a.example/cb",
            "https://A.example:443/cb?x=1",
            "https://b.example/",
            "http://127.0.0.1:8080/cb",
            "http://localhost/",
            "com.example.app:/cb",
            "cursor://a/b",
            "https://192.0.2.1/",
            "myapp:/x",
        ]
    ),
    min_size=1,
    max_size=3,
    unique=True,
)
PAGES = st.sampled_from(["https://a.example/", "https://other.example/x#y", "http://a.example/"])
TEXTS = st.sampled_from(["", "x", "\u65e5\u672c", "e\u0301 \U0001f468\u200d\U0001f469"])
KEY: JsonObject = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43, "kid": "1"}
# Values that make sense, for each row by its kind or name.
SENSIBLE: dict[str, st.SearchStrategy[Any]] = {
    "redirect_uris": REDIRECTS,
    "jwks": st.sampled_from([{"keys": []}, {"keys": [KEY]}, {"keys": [{"kty": "AKP"}]}]),
    "jwks_uri": st.just("https://a.example/jwks"),
    "sector_identifier_uri": st.just("https://a.example/sector"),
    "request_uris": st.lists(st.sampled_from(["https://a.example/r#h", "http://b.example/r"])),
    "scope": st.lists(st.sampled_from(["openid", "email", "x"]), min_size=1).map(" ".join),
    "grant_types": st.lists(st.sampled_from(EVERYTHING["grant_types_supported"]), max_size=3),
    "response_types": st.lists(
        st.sampled_from(["code", "token", "id_token code", "code id_token"]), max_size=3
    ),
    "token_endpoint_auth_method": st.sampled_from(
        EVERYTHING["token_endpoint_auth_methods_supported"]
    ),
    "contacts": st.lists(TEXTS, max_size=2),
    "default_acr_values": st.lists(TEXTS, max_size=2),
    "default_max_age": st.integers(0, 2**53 - 1),
    "keywords": st.lists(TEXTS.filter(bool), min_size=1, max_size=2),
    "published": st.sampled_from([False]),  # true goes with few methods
    "subject_types_supported": st.just(["pairwise", "public"]),
}


def sensible(name: str) -> st.SearchStrategy[Any]:
    row = PARAMETERS[base_of(name)]
    schema = row.kind.schema
    if row.name in SENSIBLE:
        return SENSIBLE[row.name]
    if "enum" in schema:
        return st.sampled_from(schema["enum"])  # type: ignore[arg-type]
    if schema["type"] == "boolean":
        return st.booleans()
    if row.chooses:
        return st.lists(sensible(row.chooses), min_size=1, max_size=3)
    if row.example is not None and not row.localizable:
        return st.just(row.example)
    return PAGES if schema.get("format") == "uri" else TEXTS


TAGGED = [
    f"{row.name}#{tag}"
    for row in PARAMETERS.values()
    if row.localizable
    for tag in ("fr", "FR", "ja-Jpan-JP")
]
# Most submissions name a few members only, so that some are accepted.
LIKELY = st.lists(st.sampled_from(sorted([*PARAMETERS, *TAGGED])), max_size=5, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: sensible(name) for name in names})
)
SENSIBLE_SUBMISSIONS = st.builds(
    lambda redirects, members: {"redirect_uris": redirects} | members, REDIRECTS, LIKELY
)
NAMES = st.sampled_from(sorted([*PARAMETERS, *SERVER_ASSIGNED, *TAGGED])) | st.text(max_size=8)
ANY_SUBMISSIONS = st.builds(
    lambda likely, odd: likely | odd,
    SENSIBLE_SUBMISSIONS | LIKELY,
    st.dictionaries(NAMES, JSON, max_size=4),
)
