"""``python -m dcrserver``."""

from dcrserver.cli import main

main()
