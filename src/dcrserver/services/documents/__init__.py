"""Clients that name themselves by the URL of their metadata document."""
