"""Runs tests against mutants: each in a fork of a process that has imported and collected them.

A plugin of pytest: in place of running the tests it runs them once with coverage, which says by
which of them each line is reached, and how long they take; then, for each mutant, those that reach
it, the quickest first, until one fails.
"""

from __future__ import annotations

import gc
import os
import pickle
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import coverage
import hypothesis
import pytest

from mutation.patching import Imported, NotImportable

_FAILED = 3
# No endless loop, and no list without an end.
_SECONDS, _TIMES_AS_LONG = 3, 5
_OCTETS = 6 * 2**30


@dataclass
class Reached:
    """By which tests lines are reached, by their numbers; and what is known of these."""

    by_line: dict[str, dict[int, list[int]]] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)

    def tests(self, lines: Iterable[tuple[str, int]]) -> list[int]:
        """Those that reach one of ``lines``, the quickest first."""
        found = {test for file, line in lines for test in self.by_line.get(file, {}).get(line, ())}
        return sorted(found - self.failed, key=lambda test: self.seconds[test])


class Zygote:
    """Calls ``then`` with itself once the tests of a package are collected, and known.

    ``files``: a pattern of those whose lines are of interest.
    """

    def __init__(self, package: str, files: str, then: Callable[[Zygote], None]) -> None:
        self._package = package
        self._files = files
        self._then = then
        self._items: list[pytest.Item] = []
        self._has_failed = False
        self.imported: Imported
        self.reached: Reached

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._has_failed |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("not all tests can be collected")
        gc.unfreeze()
        self._items = session.items
        self.imported = Imported(self._package)
        self.reached = self._measured()
        # What belongs to the session is made once, for all forks.
        quickest = min(self.reached.seconds, key=self.reached.seconds.__getitem__)
        self._run(self._items[quickest], session)
        self._check_that_all_pass()
        self._then(self)
        return True

    def names(self, tests: Iterable[int]) -> list[str]:
        """For people."""
        return [self._items[test].nodeid for test in tests]

    def _run(self, item: pytest.Item, following: pytest.Item | pytest.Session | None) -> bool:
        """Whether it passed. What it shares with ``following`` stays."""
        self._has_failed = False
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        return not self._has_failed

    def _check_that_all_pass(self) -> None:
        """Else all mutants would be killed."""
        tests = sorted(self.reached.seconds.keys() - self.reached.failed)
        end = verdict(os.waitpid(self.start(lambda: None, tests), 0)[1])
        assert end == "survived", f"without any mutant, too, tests end as {end}"

    def _measured(self) -> Reached:
        with tempfile.NamedTemporaryFile() as file:
            pid = _forked(lambda: self._measure(Path(file.name)))
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "no test can be measured"
            made: Reached = pickle.load(file)  # noqa: S301 - our own
        return made

    def _measure(self, file: Path) -> int:
        measuring = coverage.Coverage(data_file=None, config_file=False, include=[self._files])
        made = Reached()
        measuring.start()
        for number, item in enumerate(self._items):
            self.imported.forget()
            measuring.switch_context(str(number))
            started = time.perf_counter()
            passed = self._run(item, (*self._items, None)[number + 1])
            made.seconds[number] = time.perf_counter() - started
            if not passed:
                made.failed.add(number)
        measuring.stop()
        data = measuring.get_data()
        for each in data.measured_files():
            lines = data.contexts_by_lineno(each).items()
            made.by_line[each] = {line: [int(one) for one in by if one] for line, by in lines}
        file.write_bytes(pickle.dumps(made))
        return 0

    def start(self, put: Callable[[], None], tests: list[int]) -> int:
        """The process that runs ``tests`` after ``put``."""
        return _forked(lambda: self._tried(put, tests))

    def _tried(self, put: Callable[[], None], tests: list[int]) -> int:
        seconds = _SECONDS + _TIMES_AS_LONG * sum(self.reached.seconds[test] for test in tests)
        resource.setrlimit(resource.RLIMIT_CPU, (round(seconds), round(seconds) + 1))
        resource.setrlimit(resource.RLIMIT_AS, (_OCTETS, _OCTETS))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, 10 * seconds)
        try:
            put()
        except NotImportable:
            return _FAILED
        items = [self._items[test] for test in tests]
        for item, following in zip(items, [*items[1:], None], strict=True):
            if not self._run(item, following):
                return _FAILED
        return 0


def verdict(status: int) -> str:
    """What the end of a process that ``Zygote.start`` began says of its mutant."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return "timeout"
    return {0: "survived", _FAILED: "killed"}.get(code, "broken")


def _forked(run: Callable[[], int]) -> int:
    """The process that ``run`` is in, whose result it ends with."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        told, silence = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        code = run()
    except BaseException:  # noqa: BLE001 - it must not go on as its parent
        os.write(told, traceback.format_exc().encode())
    finally:
        os._exit(code)


def pytest_arguments(tests: Iterable[str]) -> list[str]:
    """Nothing in the way of forks, and none of the options of an everyday run."""
    hypothesis.settings.register_profile(
        "mutants",
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        suppress_health_check=[*hypothesis.HealthCheck],
        report_multiple_bugs=False,
    )
    hypothesis.settings.load_profile("mutants")
    return ["-o", "addopts=", "-p", "no:cacheprovider", "-s", "--tb=no", "-q", "--no-header",
            "-W", "ignore::pytest.PytestAssertRewriteWarning",
            "--no-summary", *tests]  # fmt: skip
