"""How events reach a client: WebSocket and server-sent events, with back-pressure and limits."""
