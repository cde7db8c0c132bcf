"""Builds everything once per process: for a server ``runtime``, for a command ``operations``.

Both stand on the same ``foundation``, and that on what is ``configured``, which opens nothing.
Nothing is imported here: a command loads what it uses.
"""
