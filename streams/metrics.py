"""Metrics of a web process about its followers: how late events arrive, how often followers return to the log."""

import time

from prometheus_client import Counter, Histogram

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)  # s

fanout_lag = Histogram(
    "chatapp_fanout_lag_seconds",
    "From the sending of a batch, after its commit, to its delivery here; machines whose clocks differ add to it",
    buckets=BOUNDS,
)
fell_behind = Counter(
    "chatapp_follower_resyncs", "Times a follower was sent back to the log: too slow, or a message lost"
)


def observe_delivery(sent_at: float | None) -> None:
    """Record the lag of one group message. `sent_at`: s since the epoch, by its sender's clock."""
    if sent_at is not None:
        fanout_lag.observe(max(time.time() - sent_at, 0.0))
