"""Microseconds to judge a registration, on one core and without any input or output.

python benchmarks/validation.py [--rounds 25]

The body is that of ``registration.py``. "warm" finds its URIs in the parser's cache, as the
registrations of one client software do; "cold" is emptied before each. The median of the rounds
counts; the fastest tells how much of it was the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

from registration import BODY

from dcrserver.metadata import Terms, explain, uris, validate
from dcrserver.metadata.capabilities import UNCONFIGURED, capabilities_of
from dcrserver.strict_json import loads_object

_REPEATED = 500


def main() -> None:
    parser = argparse.ArgumentParser(description="Microseconds to judge a registration.")
    parser.add_argument("--rounds", type=int, default=25)
    rounds = parser.parse_args().rounds
    terms = Terms(server=capabilities_of(UNCONFIGURED))
    raw = json.dumps(BODY).encode()
    print(f"body of {len(raw)} octets, {rounds} rounds of {_REPEATED}; microseconds")
    print(f"{'':28}{'median':>8}{'fastest':>9}")
    _tell("strict JSON", rounds, lambda: loads_object(raw))
    _tell("validate, warm", rounds, lambda: validate(BODY, terms))
    _tell("validate, cold", rounds, lambda: validate(BODY, terms), before=uris.parse.cache_clear)
    _tell("explain (the preview)", rounds, lambda: explain(BODY, terms))


def _tell(
    name: str,
    rounds: int,
    work: Callable[[], object],
    before: Callable[[], object] = lambda: None,
) -> None:
    taken = []
    for _ in range(rounds):
        total = 0
        for _ in range(_REPEATED):
            before()
            started = time.perf_counter_ns()
            work()
            total += time.perf_counter_ns() - started
        taken.append(total / _REPEATED / 1000)
    print(f"{name:28}{statistics.median(taken):8.1f}{min(taken):9.1f}")


if __name__ == "__main__":
    main()
