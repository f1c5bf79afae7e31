"""Read-only questions about runs and their messages. Nothing here changes anything."""
