"""dcrserver policy test: a registration, a file of recorded ones, and all clients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.commands import Commands

POLICY = {
    "statements": [
        {
            "name": "no-evil",
            "when": {"redirect_uris.host": "evil.example"},
            "then": {"reject": {"description": "not there"}},
        }
    ]
}


def test_a_draft_is_tried_before_it_counts(run: Commands, tmp_path: Path) -> None:
    good = {"redirect_uris": ["https://good.example/cb"]}
    bad = {"redirect_uris": ["https://evil.example/cb"]}
    for name, made in {"p.json": POLICY, "good.json": good, "bad.json": bad}.items():
        (tmp_path / name).write_text(json.dumps(made))
    run("policy", "put", "strict", str(tmp_path / "p.json"))
    told = run.both("policy", "test", "strict", str(tmp_path / "bad.json"), status=1).out
    assert "no-evil" in told
    run("policy", "test", "strict", str(tmp_path / "good.json"))
    lines = tmp_path / "recorded.jsonl"
    lines.write_text(f"{json.dumps(good)}\n\n{json.dumps({'request': bad, 'origin': 'update'})}\n")
    told = run.both("policy", "test", "strict", str(lines), "--output", "json", status=1).out
    assert json.loads(told)["counts"] == {"accept": 1, "reject": 1}
    lines.write_text(json.dumps(good))
    run("policy", "test", "strict", str(lines))
    lines.write_text("[]")
    assert "must be an object" in run("policy", "test", "strict", str(lines), status=1)
    for metadata in (good, bad):
        (tmp_path / "new.json").write_text(json.dumps({"metadata": metadata}))
        run("client", "create", str(tmp_path / "new.json"))
    told = run.both("policy", "test", "strict", "--stored", "--output", "json", status=1).out
    assert json.loads(told)["report"]["counts"] == {"accept": 1, "reject": 1}
    assert "name a file" in run("policy", "test", "strict", status=1)
    both = run("policy", "test", "strict", str(lines), "--stored", status=1)
    assert "takes no file" in both


CONFIGURATION = """\
server.base_url = "https://auth.example.com"
[[policy.statements]]
name = "strangers"
when = { origin = "open", address = { not = "192.0.2.0/24" } }
then = { reject = { description = "not from here" } }
"""


def test_the_policy_of_a_file_is_tried_before_it_is_used(run: Commands, tmp_path: Path) -> None:
    """Of a configuration file its [policy]; of another one the policy that it is."""
    client = tmp_path / "client.json"
    client.write_text(json.dumps({"redirect_uris": ["https://evil.example/cb"]}))
    whole, alone = tmp_path / "new.toml", tmp_path / "p.json"
    whole.write_text(CONFIGURATION)
    alone.write_text(json.dumps(POLICY))

    def tried(file: Path, *more: str, status: int = 0) -> Any:
        command = ("policy", "test", str(file), str(client), "--output", "json", *more)
        return json.loads(run.both(*command, status=status).out)

    refused = tried(whole, status=1)
    assert (refused["decision"], refused["statements"]) == ("reject", ["strangers"])
    assert tried(whole, "--address", "192.0.2.7")["decision"] == "accept"
    assert tried(whole, "--origin", "administrator")["decision"] == "accept"
    assert tried(alone, status=1)["statements"] == ["no-evil"]
    wrong = run("policy", "test", str(whole), str(client), "--origin", "elsewhere", status=1)
    assert "origin" in wrong
    for more in (("--stored",), (str(tmp_path / "many.jsonl"),), (str(client), "--draft")):
        assert "once it is drafted" in run("policy", "test", str(whole), *more, status=1)
    whole.write_text(CONFIGURATION.replace("address", "adress"))
    told = run("policy", "test", str(whole), str(client), status=1)
    assert f"{whole}, line 4: /statements/0/when/adress" in told
    assert f"{whole}, line 4: " in run("policy", "check", str(whole), status=1)
    whole.write_text("[policy\n")
    assert str(whole) in run("policy", "test", str(whole), str(client), status=1)


def test_a_registration_is_explained_of_whoever_sends_it(run: Commands, tmp_path: Path) -> None:
    client, config = tmp_path / "client.json", tmp_path / "c.toml"
    client.write_text(json.dumps({"redirect_uris": ["https://a.example/cb"], "skip_consent": True}))
    config.write_text(CONFIGURATION)

    def checked(*more: str, status: int = 0) -> Any:
        command = ("client", "check", str(client), "--config", str(config), "--json", *more)
        return json.loads(run.both(*command, status=status).out)

    assert checked(status=1)["policy"]["statements"] == ["strangers"]
    assert checked("--address", "192.0.2.7")["acceptable"]
    assert "skip_consent" not in checked("--address", "192.0.2.7")["registration"]
    assert checked("--origin", "administrator")["registration"]["skip_consent"] is True
    wrong = run("client", "check", str(client), "--origin", "elsewhere", status=1)
    assert "origin" in wrong
