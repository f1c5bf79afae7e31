"""Log-in, invitations, and the settings page."""
