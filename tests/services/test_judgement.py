"""What was judged before is not judged again, and nothing is remembered that must not be."""

from __future__ import annotations

import pytest

from dcrserver.errors import RegistrationError
from dcrserver.metadata import Terms
from dcrserver.services.registration import judgement as submissions
from dcrserver.services.registration.judgement import Judge, Submission
from dcrserver.strict_json import JsonObject, loads_object
from harness.application import CALLBACK

BODY: JsonObject = {"redirect_uris": [CALLBACK], "client_name": "One"}


class Counted:
    """Submissions, and how often each was read."""

    def __init__(self) -> None:
        self.read: list[bytes] = []

    def __call__(self, octets: bytes) -> Submission:
        def read() -> JsonObject:
            self.read.append(octets)
            return loads_object(octets)

        return Submission(octets, read)


def octets(name: str = "One") -> bytes:
    return f'{{"redirect_uris":["{CALLBACK}"],"client_name":"{name}"}}'.encode()


def test_the_same_octets_are_read_once() -> None:
    judge, counted, terms = Judge(), Counted(), Terms()
    first = judge.judge(counted(octets()), terms)
    assert judge.judge(counted(octets()), terms) is first
    assert judge.judge(counted(octets("Two")), terms).metadata.text("client_name") == "Two"
    assert counted.read == [octets(), octets("Two")]


def test_other_terms_judge_anew() -> None:
    judge, counted = Judge(), Counted()
    judge.judge(counted(octets()), Terms())
    judge.judge(counted(octets()), Terms())
    assert len(counted.read) == 2


def test_what_was_refused_is_refused_again() -> None:
    judge, counted, terms = Judge(), Counted(), Terms()
    bad = b'{"redirect_uris":["nothing"]}'
    for _ in range(2):
        with pytest.raises(RegistrationError):
            judge.judge(counted(bad), terms)
    assert counted.read == [bad, bad]


def test_an_update_is_judged_without_its_envelope() -> None:
    judge, terms = Judge(), Terms()
    first = judge.judge_update(BODY | {"client_id": "a", "client_secret": "s"}, terms)
    assert judge.judge_update(BODY | {"client_id": "b"}, terms) is first
    assert not first.metadata.has("client_id")
    assert judge.judge_update(BODY | {"client_name": "Two"}, terms) is not first


def test_only_so_much_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submissions, "_MAX_REMEMBERED", 2)
    judge, counted, terms = Judge(), Counted(), Terms()
    for name in ("One", "Two", "One", "Three", "One", "Two"):
        judge.judge(counted(octets(name)), terms)
    # Whoever came last stays: One does, Two has to go for Three.
    assert counted.read == [octets(name) for name in ("One", "Two", "Three", "Two")]
    monkeypatch.setattr(submissions, "_MAX_LENGTH", 10)
    judge.judge(counted(octets("Four")), terms)
    judge.judge(counted(octets("Four")), terms)
    assert counted.read[-2:] == [octets("Four")] * 2
