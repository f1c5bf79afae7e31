"""The parts that `make run` (the `up` command) starts, and their shutdown."""

from chatapp.settings.environment import env

HOST = env.str("HOST", default="127.0.0.1")  # address the web server listens on; 0.0.0.0 = all of them
PORT = env.int("PORT", default=8000)  # TCP port of the web server; 0 = any free one
LOCAL_MODEL = env.str("LOCAL_MODEL", default="")  # 0 = never, 1 = always, empty = unless a provider is configured
DRAIN_SECONDS = env.float("DRAIN_SECONDS", default=30.0)  # s in which a worker that shuts down lets its runs finish
EXIT_SECONDS = env.float("EXIT_SECONDS", default=15.0)  # s after that until the worker is killed
