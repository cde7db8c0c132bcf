"""Programs of others. A package, so that its conftest is not the suite's own."""
