"""Connectors: how one kind of authorization server is told of clients; they know no database.

What every connector is, is ``connector.Connector``; what it is told and tells, ``client``; how it
fails, ``failures``. What is wanted of which client, and when, is ``services.provisioning``'s.
"""
