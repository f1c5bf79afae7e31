"""Logging in, invitations, and the settings page."""
