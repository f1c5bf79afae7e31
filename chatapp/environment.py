"""The environment as settings read it. What they read is remembered: none of it can be a provider's key."""

import environ


class Environment(environ.Env):
    """`environ.Env`, with the names of the variables that were looked up."""

    def __init__(self, **scheme) -> None:
        super().__init__(**scheme)
        self.names_read: set[str] = set()

    def get_value(self, var, *args, **kwargs):
        self.names_read.add(str(var))
        return super().get_value(var, *args, **kwargs)
