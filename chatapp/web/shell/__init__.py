"""What all pages share: the sidebar, preferences, static files, time zone, log-in."""
