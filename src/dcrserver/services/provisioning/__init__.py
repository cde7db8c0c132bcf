"""Targets are brought to what is wanted of each client.

A link (``repositories.client_links``) says that a target may differ from the client's row, never
in what: whoever works on it sends the row as it is by then. So changes coalesce, an answer that was
lost is asked for again, and whoever was killed is followed by another.
"""
