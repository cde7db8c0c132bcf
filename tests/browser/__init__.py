"""Our pages in a browser. A package, so that its modules have names of their own."""
