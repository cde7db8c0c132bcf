"""Rate limits by turns: off, each process counting for itself, and all instances in Redis.

python benchmarks/limits.py [--postgres URL] [--redis redis://127.0.0.1:6379/9] [--rounds 8]

All limits count each request, and none is ever reached, so that all servers do the same beside. It
is `by_turns.py` with three configurations of this tree; see there for the columns.
"""

from __future__ import annotations

from pathlib import Path

from by_turns import Variant, compare, parser_of

from dcrserver.settings import RateLimitSettings

_NEVER_REACHED = "999999999/minute"
_TREE = str(Path(__file__).parents[1])


def main() -> None:
    parser = parser_of("rate limits by turns")
    parser.add_argument("--redis", metavar="URL", help="a database of Redis that nobody else uses")
    parser.set_defaults(only="POST,GET,PUT,TOKEN")
    options = parser.parse_args()
    compare(variants(options.redis), options)


def variants(redis: str | None) -> dict[str, Variant]:
    """By name; the first is the measure."""
    limits = {
        f"DCR_RATE_LIMITS__{name.upper()}": _NEVER_REACHED
        for name in RateLimitSettings.model_fields
        if name != "enabled"
    }
    counting = limits | {"DCR_RATE_LIMITS__ENABLED": "true"}
    made = {"off": Variant(_TREE, {}), "memory": Variant(_TREE, counting)}
    if redis:
        made["redis"] = Variant(_TREE, counting | {"DCR_REDIS__URL": redis})
    return made


if __name__ == "__main__":
    main()
