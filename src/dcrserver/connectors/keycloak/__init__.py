"""Keycloak (26.7), told by its Admin REST API.

``rows`` says what becomes of each member, ``judge`` what Keycloak would choke on, ``scopes`` which
of a realm's client scopes a client gets, ``account`` and ``api`` how it is called.
"""
