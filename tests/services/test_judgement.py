"""What was judged before is not judged again, and nothing is remembered that must not be."""

from __future__ import annotations

import pytest

from dcrserver.errors import RegistrationError
from dcrserver.metadata import ClientMetadata, Terms
from dcrserver.services.registration import judgement
from dcrserver.services.registration.judgement import SubmissionValidator
from dcrserver.services.registration.policy import ANYBODY
from dcrserver.strict_json import JsonObject, loads_object
from harness.application import CALLBACK

BODY: JsonObject = {"redirect_uris": [CALLBACK], "client_name": "One"}


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The octets of each body that was parsed."""
    made: list[bytes] = []

    def counted(octets: bytes, **limits: int) -> JsonObject:
        made.append(octets)
        return loads_object(octets, **limits)

    monkeypatch.setattr(judgement, "loads_object", counted)
    return made


def octets(name: str = "One") -> bytes:
    return f'{{"redirect_uris":["{CALLBACK}"],"client_name":"{name}"}}'.encode()


def test_the_same_octets_are_parsed_once(parsed: list[bytes]) -> None:
    validator, terms = SubmissionValidator(), Terms()
    first = validator.validate(ANYBODY, octets(), terms)
    assert validator.validate(ANYBODY, octets(), terms) is first
    assert validator.validate(ANYBODY, octets("Two"), terms).metadata.text("client_name") == "Two"
    assert parsed == [octets(), octets("Two")]


def test_other_terms_judge_anew(parsed: list[bytes]) -> None:
    validator = SubmissionValidator()
    validator.validate(ANYBODY, octets(), Terms())
    validator.validate(ANYBODY, octets(), Terms())
    assert len(parsed) == 2


def test_what_was_refused_is_refused_again(parsed: list[bytes]) -> None:
    validator, terms = SubmissionValidator(), Terms()
    bad = b'{"redirect_uris":["nothing"]}'
    for _ in range(2):
        with pytest.raises(RegistrationError):
            validator.validate(ANYBODY, bad, terms)
    assert parsed == [bad, bad]


def test_an_update_is_judged_without_its_envelope() -> None:
    validator, terms, before = SubmissionValidator(), Terms(), ClientMetadata({})
    sent = BODY | {"client_id": "a", "client_secret": "s"}
    first = validator.validate_update(ANYBODY, sent, terms, before)
    assert validator.validate_update(ANYBODY, BODY | {"client_id": "b"}, terms, before) is first
    assert not first.metadata.has("client_id")
    assert (
        validator.validate_update(ANYBODY, BODY | {"client_name": "Two"}, terms, before)
        is not first
    )


def test_only_so_much_is_remembered(parsed: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judgement, "_MAX_REMEMBERED", 2)
    validator, terms = SubmissionValidator(), Terms()
    for name in ("One", "Two", "One", "Three", "One", "Two"):
        validator.validate(ANYBODY, octets(name), terms)
    # Whoever came last stays: One does, Two has to go for Three.
    assert parsed == [octets(name) for name in ("One", "Two", "Three", "Two")]
    monkeypatch.setattr(judgement, "_MAX_LENGTH", 10)
    validator.validate(ANYBODY, octets("Four"), terms)
    validator.validate(ANYBODY, octets("Four"), terms)
    assert parsed[-2:] == [octets("Four")] * 2
