"""What stands before every request: limits on bodies, headers on every response."""
