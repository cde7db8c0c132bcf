"""Makes docs/conformance.md: requirement -> the tests and vectors that prove it.

``python tests/conformance.py`` writes it; ``--check`` fails when it is not fresh or when a MUST
is neither proved nor listed as open with a reason.
"""

from __future__ import annotations

import ast
import json
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TABLE = HERE.parent / "docs" / "conformance.md"
DOCUMENTS = {
    "R7591": "RFC 7591, Dynamic Client Registration",
    "R7592": "RFC 7592, Dynamic Client Registration Management",
    "OIDR": "OpenID Connect Dynamic Client Registration 1.0",
    "OIDC": "OpenID Connect Core 1.0 (where it bears on registration)",
    "OIDD": "OpenID Connect Discovery 1.0",
    "R7033": "RFC 7033, WebFinger",
    "R8414": "RFC 8414, Authorization Server Metadata",
    "R9207": "RFC 9207, Issuer Identification (where it bears on metadata)",
    "R8252": "RFC 8252, OAuth for Native Apps (where it bears on metadata)",
    "R6749": "RFC 6749, OAuth 2.0 (client authentication and the client credentials grant)",
    "R7523": "RFC 7523, JWT assertions (as client authentication)",
    "R7009": "RFC 7009, Token Revocation",
    "R7662": "RFC 7662, Token Introspection",
    "R8707": "RFC 8707, Resource Indicators",
    "R9068": "RFC 9068, JWT access tokens",
    "R8705": "RFC 8705, Mutual TLS",
    "CIMD": "Client ID metadata documents (draft-ietf-oauth-client-id-metadata-document-02)",
    "R9101": "RFC 9101, signed authorization requests (its metadata)",
    "R9126": "RFC 9126, pushed authorization requests (its metadata)",
    "R9396": "RFC 9396, rich authorization requests (its metadata)",
    "R9449": "RFC 9449, DPoP",
    "R9700": "RFC 9700, security best current practice (where it bears on metadata)",
    "R9701": "RFC 9701, signed introspection answers (its metadata)",
    "JARM": "JWT Secured Authorization Response Mode",
    "CIBA": "Client-Initiated Backchannel Authentication",
    "LOGO": "OpenID Connect logout",
    "RPMC": "OpenID Connect RP Metadata Choices",
    "FED": "OpenID Federation (its metadata)",
    "VP": "OpenID for Verifiable Presentations (its metadata)",
    "MCP0618": "Model Context Protocol, revision 2025-06-18",
    "MCP1125": "Model Context Protocol, revision 2025-11-25",
    "MCP0728": "Model Context Protocol, revision 2026-07-28",
    "FAPI2": "FAPI 2.0 Security Profile",
    "UKOB": "UK Open Banking Dynamic Client Registration (its metadata)",
    "BROB": "Open Finance Brasil Dynamic Client Registration (its metadata)",
}
_SHOWN = 3


def main() -> int:
    requirements = tomllib.loads((HERE / "data" / "requirements.toml").read_text("utf-8"))
    proofs = collect()
    unproved = [
        name
        for name, row in requirements.items()
        if _is_firm(row) and name not in proofs and "open" not in row
    ]
    if unproved:
        print(f"neither proved nor listed as open: {', '.join(unproved)}")
        return 1
    made = render(requirements, proofs)
    if "--check" not in sys.argv:
        TABLE.write_text(made, "utf-8")
    elif TABLE.read_text("utf-8") != made:
        print("docs/conformance.md is not fresh: run python tests/conformance.py")
        return 1
    return 0


def collect() -> Mapping[str, list[str]]:
    """Requirement id -> names of tests and vectors."""
    found = marked("requirement")
    for name, vector in _of_vectors():
        found[name].append(f"vector {vector}")
    return found


def marked(marker: str) -> dict[str, list[str]]:
    """Id -> names of the tests that ``pytest.mark.MARKER`` says it of."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(HERE.rglob("test_*.py")):
        if "node_modules" not in path.parts:
            for name, test in _of_file(path, marker):
                found[name].append(f"{path.relative_to(HERE).as_posix()}::{test}")
    return found


def _of_file(path: Path, marker: str) -> Iterator[tuple[str, str]]:
    """(id, test name) for each marker of a test, of its parameters, and of the whole file."""
    tree = ast.parse(path.read_text("utf-8"))
    of_all = [each.value for each in tree.body if _is_for_all(each)]  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
            "test"
        ):
            for decorator in (*of_all, *node.decorator_list):
                for call in ast.walk(decorator):
                    if isinstance(call, ast.Call) and _called(call) == marker:
                        yield from ((str(ast.literal_eval(each)), node.name) for each in call.args)


def _is_for_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _of_vectors() -> Iterator[tuple[str, str]]:
    profiles = {path.stem for path in (HERE / "vectors" / "profiles").glob("*.toml")}
    document = json.loads((HERE / "vectors" / "vectors.json").read_text("utf-8"))
    for vector in document["vectors"]:
        if vector["profile"] in profiles:
            yield from ((name, vector["id"]) for name in vector["requirements"])


def render(requirements: Mapping[str, Any], proofs: Mapping[str, list[str]]) -> str:
    firm = [name for name, row in requirements.items() if _is_firm(row)]
    proved = [name for name in firm if name in proofs]
    lines = [
        "# Conformance",
        "",
        "Made by `python tests/conformance.py` from the ids that tests and vectors carry;",
        "`make check` fails when it is not fresh.",
        "",
        f"{len(requirements)} requirements, {len(firm)} of them a MUST or MUST NOT of the server:",
        f"{len(proved)} proved by tests, {len(firm) - len(proved)} open with the reason.",
    ]
    for prefix, title in DOCUMENTS.items():
        rows = {name: row for name, row in requirements.items() if name.split("-")[0] == prefix}
        if rows:
            lines += [
                "",
                f"## {title}",
                "",
                "| id | level | requirement | proof |",
                "|---|---|---|---|",
            ]
            lines += [_row(name, row, proofs.get(name, [])) for name, row in rows.items()]
    return "\n".join(lines) + "\n"


def _is_firm(row: Mapping[str, str]) -> bool:
    return row["of"] == "server" and row["level"] in {"MUST", "MUST NOT"}


def _row(name: str, row: Mapping[str, str], proofs: list[str]) -> str:
    level = f"{row['level']} (client)" if row["of"] == "client" else row["level"]
    shown = [f"`{proof}`" for proof in dict.fromkeys(proofs)]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    proof = ", ".join(shown[:_SHOWN]) + more
    if "open" in row:
        proof = f"{proof}; open: {row['open']}" if proof else f"open: {row['open']}"
    return f"| {name} | {level} | {row['text']} | {proof or '-'} |"


if __name__ == "__main__":
    sys.exit(main())
