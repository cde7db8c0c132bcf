"""Microseconds to ask the statements of a policy about a registration, on one core.

python benchmarks/statements.py [--rounds 50] [--statements 50]

Half of the statements ask for a host of the redirect URIs and for the origin, half for the name of
the client; none holds, so that each is asked to its end. The fastest round counts on a machine that
others share, the median tells how much of it was theirs.
"""

from __future__ import annotations

import argparse
import statistics
import time

from registration import BODY

from dcrserver.metadata import Terms, validate
from dcrserver.policies import Policy
from dcrserver.policies.statements.circumstances import Circumstances
from dcrserver.policies.statements.evaluation import decide
from dcrserver.strict_json import JsonObject

_REPEATED = 200


def main() -> None:
    parser = argparse.ArgumentParser(description="Microseconds to ask statements.")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--statements", type=int, default=50)
    asked = parser.parse_args()
    print(f"{asked.statements} statements, {asked.rounds} rounds of {_REPEATED}; microseconds")
    print(f"{'':28}{'median':>8}{'fastest':>9}")
    for name, kinds in (("hosts and names", "hn"), ("hosts", "h"), ("names", "n")):
        _tell(name, asked.rounds, [_statement(kinds, n) for n in range(asked.statements)])


def _statement(kinds: str, number: int) -> JsonObject:
    """One that does not hold of the body."""
    when: dict[str, JsonObject] = {
        "h": {"redirect_uris.host": [f"*.evil{number}.example"], "origin": "open"},
        "n": {"client_name": [f"Name {number}", "x"]},
    }
    return {
        "name": f"s-{number}", "when": when[kinds[number % len(kinds)]],
        "then": {"reject": {"error": "invalid_client_metadata", "description": "no"}},
    }  # fmt: skip


def _tell(name: str, rounds: int, written: list[JsonObject]) -> None:
    policy = Policy.model_validate({"statements": written})
    members, here = dict(validate(BODY, Terms(policy)).members), Circumstances()
    made = []
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(_REPEATED):
            decide(policy.statements, here, members, members)
        made.append((time.process_time() - started) / _REPEATED * 1e6)
    print(f"{name:28}{statistics.median(made):8.1f}{min(made):9.1f}")


if __name__ == "__main__":
    main()
