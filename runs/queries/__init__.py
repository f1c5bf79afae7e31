"""Read-only queries about runs and their messages."""
