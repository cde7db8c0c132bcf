"""The commands of the operator. A package, so that its conftest is not the suite's own."""
