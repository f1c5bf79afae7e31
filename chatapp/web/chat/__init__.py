"""The pages of a session: its transcript, its queue, its composer, and what can be done with it."""
