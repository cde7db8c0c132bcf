"""Clients from the npm registry. A package, so that its conftest is not the suite's own."""
