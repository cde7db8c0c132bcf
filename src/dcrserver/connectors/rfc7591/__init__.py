"""Any server with a registration endpoint (RFC 7591), and management behind it (RFC 7592).

Such a server makes identifiers and secrets itself: ours are its. What is sent and what came of it
is ``members``; the calls, ``connector``.
"""
