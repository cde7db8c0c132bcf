"""The server is killed under load; what it had acknowledged must be there."""
