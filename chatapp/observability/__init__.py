"""Log lines, redaction of secrets in them, and traces."""
