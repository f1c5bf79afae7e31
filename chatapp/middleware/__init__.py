"""Limits on request bodies, and headers of responses."""
