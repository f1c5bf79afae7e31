"""Requests to model servers: what is sent, the chat completions protocol, titles, the catalog of models."""
