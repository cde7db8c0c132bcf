"""How long may live what is set for single clients: bounds that settings and members share."""

from __future__ import annotations

# Seconds; as long is a signing key published after another took over.
MAX_TOKEN_LIFETIME = 86_400
