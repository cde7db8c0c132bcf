"""No secret gets through the log, whoever logs it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from itertools import product

import pytest
import structlog
from structlog.testing import capture_logs

from dcrserver.logger import Logger
from dcrserver.settings import TelemetrySettings
from dcrserver.telemetry import configure_logging, redact
from dcrserver.telemetry.redaction import _MASK, _SECRET_TEXT

# Of the form of ours, but fixed: test names must not change from run to run.
RAT, SECRET = f"rat_{'Ab-3' * 10}", f"cs_{'Ab-3' * 16}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (f"token {RAT} is", "token [hidden] is"),
        (f"Authorization: Bearer {RAT}", "Authorization: [hidden]"),
        ("basic dXNlcjpwYXNz", "[hidden]"),
        ("postgresql://user:pass@host/db", "postgresql://[hidden]@host/db"),
        (
            {"client_secret": SECRET, "client_id": "c"},
            {"client_secret": "[hidden]", "client_id": "c"},
        ),
        ({"a": [{"db_password": "x"}]}, {"a": [{"db_password": "[hidden]"}]}),
        ({"client_secret": None, "n": 5}, {"client_secret": None, "n": 5}),
        ([SECRET, 1], ["[hidden]", 1]),
        ("nothing to hide: basic idea", "nothing to hide: basic idea"),
        (
            {"Client_Secret": "x", "OLD_PASSWORD": "y"},
            {"Client_Secret": "[hidden]", "OLD_PASSWORD": "[hidden]"},
        ),
        ({"secrets": "x"}, {"secrets": "x"}),
    ],
)
def test_redaction(value: object, shown: object) -> None:
    assert redact(value) == shown


def test_no_form_of_a_secret_is_overlooked_in_passing() -> None:
    """A text without any of the marks is not searched."""
    pieces = (
        "rat_",
        "at_",
        "bearer",
        "BASIC",
        " ",
        "\t",
        "\u2003",
        "eyJ",
        "a" * 16,
        ".",
        "://",
        ":",
        "@",
    )
    masked = 0
    for parts in product(pieces, repeat=4):
        text = "".join(parts)
        expected = _SECRET_TEXT.sub(_MASK, text)
        masked += expected != text
        assert redact(text) == expected
    assert masked > 500


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_our_log_and_that_of_libraries_are_redacted(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(TelemetrySettings(format=log_format))  # type: ignore[arg-type]
    try:
        structlog.get_logger().info("ours", token=RAT, forged='\n{"level":"admin"}\x1b')
        logging.getLogger("library").warning("theirs %s", RAT)
        structlog.get_logger().error("broken", exc_info=RuntimeError(SECRET))
        printed = capsys.readouterr().err
    finally:
        configure_logging(TelemetrySettings())
    assert "ours" in printed
    assert "theirs" in printed
    assert RAT not in printed
    assert SECRET not in printed
    if log_format == "json":
        assert len(printed.splitlines()) == 3
        assert "\x1b" not in printed


@pytest.mark.finding("S20")
def test_nothing_in_a_text_log_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(TelemetrySettings(format="text"))
    try:
        structlog.get_logger().info("seen", address="a\x1b[2J\x9b1m\u202e", path="x\nforged")
        structlog.get_logger().error("broken", exc_info=RuntimeError("\x1b[31m"))
        printed = capsys.readouterr().err
    finally:
        configure_logging(TelemetrySettings())
    assert not set("\x1b\x9b\u202e") & set(printed)
    assert "\\x1b[2J" in printed
    assert not any(line.startswith("forged") for line in printed.splitlines())


def test_the_level_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(TelemetrySettings(level="error"))
    try:
        structlog.get_logger().info("quiet")
        logging.getLogger("library").warning("quiet")
        assert "quiet" not in capsys.readouterr().err
    finally:
        configure_logging(TelemetrySettings())


def test_a_logger_that_was_used_follows_a_new_configuration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As in a worker, forked off a process that has logged: what wrote its lines is not there."""
    log = Logger("used")
    configure_logging(TelemetrySettings(level="error"))
    try:
        log.warning("too low")
        configure_logging(TelemetrySettings())
        log.warning("seen")
        with capture_logs() as logged:
            log.info("captured")
    finally:
        configure_logging(TelemetrySettings())
    printed = capsys.readouterr().err
    assert "too low" not in printed
    assert "seen" in printed
    assert logged == [{"event": "captured", "log_level": "info"}]


@pytest.mark.finding("F10")
def test_a_warning_of_a_library_is_a_line_of_the_log_as_all_others() -> None:
    """Python would write it to stderr beside the log, in a form of its own and in several lines."""
    program = """
import warnings
from dcrserver.settings import TelemetrySettings
from dcrserver.telemetry import configure_logging
configure_logging(TelemetrySettings())
warnings.warn("something is odd")
"""
    done = subprocess.run([sys.executable, "-W", "always", "-c", program], check=True,
                          capture_output=True, text=True)  # fmt: skip
    (line,) = done.stderr.splitlines()
    told = json.loads(line)
    assert told["level"] == "warning"
    assert "something is odd" in told["event"]
