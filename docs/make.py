"""Makes the generated pages of docs/; ``--check`` fails when one of them is not fresh."""

from __future__ import annotations

import sys
from pathlib import Path

import page_admin
import page_configuration
import page_metadata
import page_posture
import page_security
import page_telemetry

PAGES = {
    "admin.md": page_admin.text,
    "configuration.md": page_configuration.text,
    "metadata.md": page_metadata.text,
    "posture.md": page_posture.text,
    "security.md": page_security.text,
    "telemetry.md": page_telemetry.text,
}


def main() -> int:
    stale = []
    for name, text in PAGES.items():
        page = Path(__file__).parent / name
        made = text()
        if "--check" not in sys.argv:
            page.write_text(made, "utf-8")
        elif not page.exists() or page.read_text("utf-8") != made:
            stale.append(f"docs/{name} is not fresh: run make docs")
    print("\n".join(stale), end="\n" if stale else "")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
