"""Redirection URIs: raw strings in, raw strings kept; judged by our own strict parser.

RFC 6749 3.1.2, RFC 7591 5, RFC 8252 7 and 8.4, RFC 9700 2.1, OpenID Connect Registration 2.
"""

from __future__ import annotations

from collections.abc import Sequence

from dcrserver.metadata import uris
from dcrserver.metadata.addresses import is_local_name
from dcrserver.metadata.model import Unacceptable, check_each
from dcrserver.policies import KNOWN_SCHEMES, RedirectPolicy

# A browser runs these, opens a local file, or hands them to another program (CF-05).
_FORBIDDEN_SCHEMES = frozenset(
    {
        "about", "blob", "chrome", "chrome-extension", "chrome-untrusted", "content", "data",
        "devtools", "edge", "feed", "file", "filesystem", "ftp", "ftps", "gopher", "intent",
        "jar", "javascript", "ldap", "livescript", "mailto", "mhtml", "mocha", "moz-extension",
        "ms-browser-extension", "opera", "resource", "safari-web-extension", "sftp", "shell",
        "sms", "ssh", "steam", "tel", "telnet", "urn", "vbscript", "view-source", "wais", "ws",
        "wss", "wyciwyg",
    }
)  # fmt: skip


def check_all(values: Sequence[str], policy: RedirectPolicy, *, plain_http: bool = False) -> None:
    """Whether each of ``values`` can be a redirection URI of some client.

    ``plain_http``: http outside of the local machine is let through; a rule judges it (CF-66).

    Raises:
        Unacceptable: those that cannot, by their positions.
    """
    if len(values) > policy.max_count:
        raise Unacceptable(f"must not have more than {policy.max_count} elements")
    check_each(values, lambda value: _check(str(value), policy, plain_http=plain_http))


def _check(value: str, policy: RedirectPolicy, *, plain_http: bool) -> None:
    if len(value) > policy.max_length:
        raise Unacceptable(f"is longer than {policy.max_length} characters")
    try:
        uri = uris.parse(value)
    except uris.BadUri as error:
        raise Unacceptable(str(error)) from None
    if uri.fragment is not None:  # a bare trailing '#' counts (RFC 6749 3.1.2)
        raise Unacceptable("holds a fragment")
    if uri.userinfo and not policy.allow_userinfo:
        raise Unacceptable("holds user information")
    if uri.query is not None and not policy.query:
        raise Unacceptable("holds a query component")
    if policy.https_only and uri.scheme != "https":
        raise Unacceptable("must use https")
    if uri.scheme == "http":
        if not uri.is_loopback and not plain_http:
            raise Unacceptable(
                "uses http outside of the local machine; use https, or http on 127.0.0.1"
            )
    elif uri.scheme == "https":
        _check_https(uri, policy)
    else:
        _check_private_use(uri, policy)


def _check_https(uri: uris.Uri, policy: RedirectPolicy) -> None:
    if uri.host is None:
        raise Unacceptable("has no host")
    if uri.address is not None and not policy.ip_literal_https:
        raise Unacceptable("has an IP address as its host; use a DNS name")
    if policy.https_only and is_local_name(uri.host):
        raise Unacceptable("is on the local machine or network")


def _check_private_use(uri: uris.Uri, policy: RedirectPolicy) -> None:
    """RFC 8252 7.1: a reversed domain name; some known programs use a plain word."""
    if uri.scheme in _FORBIDDEN_SCHEMES:
        raise Unacceptable(f"uses the scheme {uri.scheme}, which is not for redirection")
    if not is_named_well(uri.scheme, policy, anybody=policy.undotted_schemes == "any"):
        raise Unacceptable(
            f"uses the scheme {uri.scheme}; a private-use scheme is a reversed domain name"
            " such as com.example.app, or listed in policy.redirect.undotted_schemes"
        )
    if not uri.host and not uri.path.strip("/"):
        raise Unacceptable("has nothing behind its scheme")


def is_named_well(scheme: str, policy: RedirectPolicy, *, anybody: bool) -> bool:
    """Whether a private-use ``scheme`` is a reversed domain name, or one without a dot that the
    policy lets through (``anybody``: whatever it is).
    """
    if not policy.require_dot_in_scheme or "." in scheme or anybody:
        return True
    # Any is more than the known ones, not instead of them.
    listed = policy.undotted_schemes
    return scheme in (KNOWN_SCHEMES if listed == "any" else listed)


def is_private_use(value: str) -> bool:
    """Whether an accepted redirection URI belongs to an app's own scheme."""
    return uris.parse(value).scheme not in {"http", "https"}


def problem_for_web(value: str, policy: RedirectPolicy, *, implicit: bool) -> str | None:
    """What a web client's redirection URI lacks (OpenID Connect Registration 2, CF-02)."""
    uri = uris.parse(value)
    problem = None
    if uri.scheme == "https":
        if implicit and uri.host == "localhost":
            problem = "uses the host localhost, which the implicit grant forbids"
    elif implicit:
        problem = "must use https with the implicit grant"
    elif uri.scheme == "http" and not policy.web_loopback_http:
        problem = "must use https; http on the local machine is for application_type native"
    elif uri.scheme != "http" and not policy.web_custom_scheme:
        problem = "must use https; a private-use scheme is for application_type native"
    return problem


def problem_for_native(value: str, policy: RedirectPolicy, *, public: bool) -> str | None:
    """What a native client's redirection URI lacks (OpenID Connect Registration 2, CF-03).

    ``public``: the client has no secret, so PKCE is what proves who comes back (RFC 8252 8.1).
    """
    uri = uris.parse(value)
    web = uri.scheme in {"http", "https"}
    if not web and not is_named_well(uri.scheme, policy, anybody=public):
        return f"uses the scheme {uri.scheme} without a dot, which is for public clients"
    if uri.scheme == "https" and not policy.native_claimed_https:
        return "must use a private-use scheme or http on the local machine for native clients"
    if uri.host == "localhost" and uri.scheme == "http" and not policy.localhost_name:
        return "must use 127.0.0.1 or [::1] in place of localhost"
    return None
