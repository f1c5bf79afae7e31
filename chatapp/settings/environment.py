"""`env`, the settings' access to the environment."""

import environ


class Environment(environ.Env):
    """`environ.Env` that remembers which variables were read: none of them can be a provider's key."""

    def __init__(self, **scheme) -> None:
        super().__init__(**scheme)
        self.names_read: set[str] = set()

    def get_value(self, var, *args, **kwargs):
        self.names_read.add(str(var))
        return super().get_value(var, *args, **kwargs)


env = Environment()
