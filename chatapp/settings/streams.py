"""Streams of events: fan-out and the checks of followers."""

from chatapp.settings.environment import env

STREAMS_SHARDS = env.int("STREAMS_SHARDS", default=1)  # Channels groups that streams are spread over, alike everywhere
STREAMS_TICK_SECONDS = env.float("STREAMS_TICK_SECONDS", default=0.005)  # s between a busy writer's commits
STREAMS_HEARTBEAT_SECONDS = env.float("STREAMS_HEARTBEAT_SECONDS", default=15.0)  # s; access is checked again, too
STREAMS_RETURN_SECONDS = env.float(
    "STREAMS_RETURN_SECONDS", default=5.0
)  # s a page that lost its connection may be away
STREAMS_SWEEP_SECONDS = env.float("STREAMS_SWEEP_SECONDS", default=3.0)  # s without an event, then the log is read
