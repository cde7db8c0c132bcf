"""dcrserver policy test: a registration, a file of recorded ones, and all clients."""

from __future__ import annotations

import json
from pathlib import Path

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
