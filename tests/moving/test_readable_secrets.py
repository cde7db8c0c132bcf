"""Secrets that can be read are found by the names of members, however what holds them is cut."""

from __future__ import annotations

import json

from dcrserver.moving import ReadableSecrets

_SECRET = (
    {"client_secret": "x"},
    {"clients": [{"secret": "x"}]},
    {"attributes": {"client.secret.rotated": "x"}},
    {"client_secrets": [{"secret": "x"}]},
    {"clientSecret": "x"},
    {"registration_access_token": "x"},
    {"jwks": {"keys": [{"kty": "oct", "k": "x"}]}},
    {"smtpServer": {"password": "x"}},
    {"a": 'a " and \\', "b": "\\", "client_secret": "x"},
    {"n" * 600: "v" * 900 + '\\"', "client_secret": "x"},
)
_NONE = (
    {"client_id": "client_secret", "token_endpoint_auth_method": "client_secret_basic"},
    {"client_secrets": [{"hash": "x", "issued_at": 1, "expires_at": 0, "ciphertext": "x"}]},
    {"client_secret_hash": "x", "client_secret_expires_at": 0},
    {"attributes": {"client.secret.creation.time": "1"}, "requireClientSecret": True},
    {"client_name": '"client_secret": "no member"', "registration_access_tokens": []},
)


def _found(content: bytes, size: int) -> bool:
    looked = ReadableSecrets()
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    return any(looked.name_in(part) is not None for part in parts)


def test_readable_secrets_are_found_and_nothing_else() -> None:
    for documents, expected in ((_SECRET, True), (_NONE, False)):
        for document in documents:
            for content in (json.dumps(document), json.dumps(document, indent=2)):
                spaced = content.replace('":', '" \n :').encode()
                for size in (*range(1, 40), 1000, 10_000):
                    assert _found(spaced, size) is expected, (document, size)


def test_an_escaped_name_is_the_same_name() -> None:
    for content in (b'{"client\\u005fsecret": "x"}', b'{"\\u0073ecret":"x"}', b'{"secret\\q": 1}'):
        for size in range(1, len(content)):
            assert _found(content, size), (content, size)


def test_what_never_ends_is_not_kept() -> None:
    """A string, or the space after one, as large as may be sent: each part costs the same."""
    for first, part in ((b'"', b"x" * 5000), (b'"', b"\\" * 5001), (b'"a"', b" " * 5000)):
        looked = ReadableSecrets()
        for each in (first, *[part] * 20):
            assert looked.name_in(each) is None
            assert len(looked._rest) < 300  # noqa: SLF001 - what it is about
