"""Software statements (RFC 7591 2.3): whom to trust, what was signed, what it means."""
