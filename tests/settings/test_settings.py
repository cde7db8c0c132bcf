"""The configuration: file, environment, flags; mistakes are named by their key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dcrserver.settings import ConfigurationError, load


def test_everything_has_a_default() -> None:
    settings = load()
    assert settings.server.base_url == "http://127.0.0.1:8000"
    assert settings.database.url.get_secret_value() == "sqlite:///dcrserver.db"
    assert settings.registration.mode == "open"
    assert settings.rate_limits.enabled


def test_flags_beat_the_environment_and_it_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[server]\nport = 1001\nhost = "::1"\nworkers = 2\n')
    monkeypatch.setenv("DCR_SERVER__PORT", "1002")
    monkeypatch.setenv("DCR_SERVER__HOST", "127.0.0.2")
    server = load(file, server={"port": 1003}).server
    assert (server.port, server.host, server.workers) == (1003, "127.0.0.2", 2)


def test_the_file_can_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[registration]\nmode = "closed"\n')
    monkeypatch.setenv("DCR_CONFIG", str(file))
    assert load().registration.mode == "closed"


def test_the_base_url_follows_the_port_unless_it_is_set() -> None:
    assert load(server={"port": 9000}).server.base_url == "http://127.0.0.1:9000"
    for written in ("https://x.example", "https://x.example/"):
        assert load(server={"port": 9, "base_url": written}).server.base_url == written


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[server]\nprot = 1\n", "server.prot: no such setting"),
        ("[sever]\nport = 1\n", "sever: no such setting"),
        ("[server]\nport = 0\n", "server.port: "),
        ('[registration]\nmode = "opened"\n', "registration.mode: "),
        ("[policy.redirect]\nmax_conut = 1\n", "policy.redirect.max_conut: no such setting"),
        ('[server]\nbase_url = "https://x.example/?a"\n', "server.base_url: "),
        ('[tenants.a]\nbase_url = "x"\n', "tenants.a.base_url: "),
        ('[server]\ntrusted_proxies = ["::1", "banana"]\n', "server.trusted_proxies: 'banana' "),
        ('[server]\ntrusted_proxies = ["10.0.0.1/8"]\n', "server.trusted_proxies: 10.0.0.1/8 "),
        ('[server]\ntrusted_proxies = ["::1", "*"]\n', "server.trusted_proxies: '*' "),
        ("port = [\n", "c.toml: "),
        ("\udcff", "c.toml: "),
    ],
)
def test_a_mistake_is_named_by_its_key(tmp_path: Path, content: str, named: str) -> None:
    file = tmp_path / "c.toml"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigurationError) as refusal:
        load(file)
    assert named in str(refusal.value)


_MEMBERS = [
    ("token_endpont = 1", "token_endpont: no such member; did you mean token_endpoint?"),
    ("scopes_suported = []", "scopes_suported: no such member; did you mean scopes_supported?"),
    ('jwks_url = "https://a.example/"', "jwks_url: no such member; did you mean jwks_uri?"),
    ('metdata = "a.json"', "metdata: no such member; did you mean metadata?"),
    ('grant_types_supported = "abc"', "grant_types_supported: must be an array of strings"),
    ("grant_types_supported = [1]", "grant_types_supported: must be an array of strings"),
    ("token_endpoint = 1", "token_endpoint: must be an http(s) URL"),
    ('token_endpoint = "/token"', "token_endpoint: must be an http(s) URL"),
    ('token_endpoint = "ftp://a.example/"', "token_endpoint: must be an http(s) URL"),
    ('"op_policy_uri#de" = "x"', "op_policy_uri#de: must be an http(s) URL"),
    ('claims_parameter_supported = "yes"', "claims_parameter_supported: must be a boolean"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "named"), _MEMBERS)
@pytest.mark.parametrize("group", ["authorization_server", "tenants.a.authorization_server"])
def test_a_mistaken_member_of_the_server_is_named(
    tmp_path: Path, group: str, line: str, named: str
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f"[{group}]\n{line}\n")
    with pytest.raises(ConfigurationError) as refusal:
        load(file)
    assert str(refusal.value).startswith(f"{group}.{named}")


def test_all_mistaken_members_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[authorization_server]\nscope_supported = []\njwks_uri = 1\n")
    with pytest.raises(ConfigurationError) as refusal:
        load(file)
    assert len(str(refusal.value).splitlines()) == 2


@pytest.mark.parametrize(
    "name",
    ["mtls_token_endpoint", "registration_endpoint_auth_methods_supported", "token_endpoint_v2"],
)
def test_other_members_of_the_server_are_extensions(tmp_path: Path, name: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f"[authorization_server]\n{name} = 1\n")
    assert load(file).authorization_server.members == {name: 1}


@pytest.mark.parametrize("group", ["AUTHORIZATION_SERVER", "TENANTS__A__AUTHORIZATION_SERVER"])
def test_members_of_the_server_come_from_the_environment(
    group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DCR_{group}__GRANT_TYPES_SUPPORTED", '["password"]')
    monkeypatch.setenv(f"DCR_{group}__CLAIMS_PARAMETER_SUPPORTED", "True")
    monkeypatch.setenv(f"DCR_{group}__TOKEN_ENDPOINT", "http://authz-server:8080/token")
    settings = load()
    server = settings.tenants["a"].authorization_server if settings.tenants else None
    assert (server or settings.authorization_server).members == {
        "grant_types_supported": ["password"],
        "claims_parameter_supported": True,
        "token_endpoint": "http://authz-server:8080/token",
    }
    monkeypatch.setenv(f"DCR_{group}__GRANT_TYPES_SUPPORTED", "[")
    monkeypatch.setenv(f"DCR_{group}__TOKEN_ENDPONT", "x")
    with pytest.raises(ConfigurationError, match=r"grant_types_supported: [^\0]*token_endpont: no"):
        load()


@pytest.mark.parametrize("table", ["policy", "policies.bound"])
def test_a_policy_of_the_file_binds_to_no_version(table: str, tmp_path: Path) -> None:
    """There is one, and nobody would keep it when the file is another."""
    file = tmp_path / "c.toml"
    file.write_text(f'[{table}]\nbinding = "version"\n')
    with pytest.raises(ConfigurationError, match=rf"{table}\.binding: must be active.*line 2"):
        load(file)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"/no/such\.toml: No such file"):
        load(Path("/no/such.toml"))


@pytest.mark.parametrize("name", ["DCR_SEVER__PORT", "DCR_PORT", "DCR_SERVER__PROT"])
def test_a_misspelt_variable_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ConfigurationError, match="no such setting"):
        load()


def test_secrets_are_hidden_when_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCR_DATABASE__URL", "postgresql://u:very-secret@h/d")
    monkeypatch.setenv("DCR_SECRETS__ENCRYPTION_KEYS", '["very-secret"]')
    shown = load().model_dump_json()
    assert "very-secret" not in shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////var/lib/x.db", "sqlite:////var/lib/x.db"),
        ("mysql://u@h/d", "mysql://u@h/d"),
        ("mysql://u:p/w@x@h:1/d", "mysql://u:**********@h:1/d"),
        ("mysql://h/d?user=u&passwd=p%40w&charset=x", "mysql://h/d?user=u&passwd=**********&charset=x"),
    ],
)  # fmt: skip
def test_only_the_password_of_a_url_is_hidden(url: str, shown: str) -> None:
    settings = load(database={"url": url}, redis={"url": url})
    printed = settings.model_dump(mode="json")
    assert (printed["database"]["url"], printed["redis"]["url"]) == (shown, shown)
    assert url not in repr(settings)


@pytest.mark.parametrize("text", ["a:1,b:2", "a:1, b:2", '["a:1", "b:2"]'])
def test_lists_come_as_json_or_with_commas(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCR_OUTBOUND__ALLOWED_HOSTS", text)
    monkeypatch.setenv("DCR_WEBFINGER", text)
    assert load().outbound.allowed_hosts == {"a:1", "b:2"}
    assert load().webfinger == ("a:1", "b:2")


@pytest.mark.parametrize("text", ["*", "10.0.0.0/8, ::1"])
def test_proxies_are_addresses_and_networks_or_all(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCR_SERVER__TRUSTED_PROXIES", text)
    assert ", ".join(load().server.trusted_proxies) == text


@pytest.mark.parametrize("name", ["DCR_WEBFINGER", "DCR_TENANTS", "DCR_SERVER"])
def test_broken_json_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "[")
    with pytest.raises(ConfigurationError, match=f"(?i){name.removeprefix('DCR_')}"):
        load()


def test_a_variable_that_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCR_POLICY__REGISTRATION__REQUIRED", "abc")
    with pytest.raises(ConfigurationError, match=r"DCR_POLICY__REGISTRATION__REQUIRED.*JSON"):
        load()


@pytest.mark.finding("S23")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("dcr_sever__port", "dcr_sever__port: no such setting; did you mean DCR_SERVER?"),
        ("Dcr_Port", "Dcr_Port: no such setting"),
        ("dcr_config", "dcr_config: no such setting; did you mean DCR_CONFIG?"),
        ("DCR_SERVER__PROT", "server.prot: no such setting; did you mean port?"),
    ],
)
def test_a_misspelt_variable_is_told_what_it_may_mean(
    name: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ConfigurationError) as refusal:
        load()
    assert str(refusal.value).startswith(told)


@pytest.mark.finding("S23")
@pytest.mark.parametrize(
    "name", ["Authorization", "host", "Cookie", "Content-Type", "X-Forwarded-For", "DPoP", "Via",
             "a b", "x:", ""],
)  # fmt: skip
@pytest.mark.parametrize("key", ["header", "verified_header"])
def test_a_certificate_does_not_come_in_a_header_of_others(key: str, name: str) -> None:
    given = {"header": "X-Client-Cert", "trusted_proxies": ["::1"]} | {key: name}
    with pytest.raises(ConfigurationError, match=f"mutual_tls.{key}: "):
        load(mutual_tls=given)


@pytest.mark.finding("S23")
@pytest.mark.parametrize(
    ("group", "values", "told"),
    [
        ("mutual_tls", {"header": "X-A", "verified_header": "x-a", "trusted_proxies": ["::1"]},
         "mutual_tls: header and verified_header must be two headers"),
        ("mutual_tls", {"trusted_proxies": ["::1", "::1"]}, "mutual_tls.trusted_proxies: ::1"),
        ("server", {"trusted_proxies": ["10.0.0.0/8", "10.0.0.0/8"]}, "server.trusted_proxies: 1"),
        ("server", {"host": ""}, "server.host: "),
        ("server", {"body_seconds": float("inf")}, "server.body_seconds: "),
        ("database", {"statement_timeout": float("nan")}, "database.statement_timeout: "),
        ("tokens", {"audience": ""}, "tokens.audience: "),
        ("outbound", {"allowed_hosts": ["keys.example"]}, "outbound.allowed_hosts: 'keys.example'"),
        ("outbound", {"allowed_hosts": ["https://k.example"]}, "outbound.allowed_hosts: "),
    ],
)  # fmt: skip
def test_what_would_mean_nothing_is_refused(group: str, values: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load(**{group: values})
    assert str(refusal.value).startswith(told)


def test_allowed_hosts_are_compared_in_lower_case() -> None:
    hosts = ["Keys.Example:443", "[::1]:8443", "10.0.0.1:80"]
    assert load(outbound={"allowed_hosts": hosts}).outbound.allowed_hosts == {
        "keys.example:443", "[::1]:8443", "10.0.0.1:80",
    }  # fmt: skip


@pytest.mark.finding("S13")
@pytest.mark.parametrize("name", ["default", "", "a/b", "a b", "\u00e9", ".", "a.", "-a", "a" * 65])
def test_some_names_are_no_tenants(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"tenants\."):
        load(tenants={name: {}})


@pytest.mark.parametrize("name", ["a", "0", "acme-2.example_x", "a" * 64])
def test_others_are(name: str) -> None:
    assert list(load(tenants={name: {}}).tenants) == [name]


@pytest.mark.finding("M9")
@pytest.mark.parametrize("entry", [".", "*", "*.a.example", "acct:*@a.example", "ftp://a.example"])
def test_what_no_resource_could_match_is_no_entry_of_webfinger(entry: str) -> None:
    for given in ({"webfinger": [entry]}, {"tenants": {"acme": {"webfinger": [entry]}}}):
        with pytest.raises(ConfigurationError, match=re.escape(entry)):
            load(None, **given)


def test_what_webfinger_may_answer_for() -> None:
    good = ["a.example", "A.example:8443", "localhost", "127.0.0.1", "[::1]:8443",
            "acct:ann@a.example", "https://a.example/ann?x=1", "http://a.example/"]  # fmt: skip
    assert load(None, webfinger=good).webfinger == tuple(good)
