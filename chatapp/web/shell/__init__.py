"""What surrounds every page: the sidebar, the user's preferences, static files, time zones, who may see it."""
