"""A table of clients, for servers that read them from SQL.

What the table is like is ``table``; how secrets stand in it, ``secret_forms``; what is done to it,
``connector``. It is the operator's database, never ours.
"""
