"""Runs: leases, time limits and how long their records are kept."""

from chatapp.settings.environment import env

LEASE_SECONDS = env.float("LEASE_SECONDS", default=8.0)  # s without renewal after which a worker counts as gone
LEASE_RENEW_SECONDS = env.float("LEASE_RENEW_SECONDS", default=2.0)  # s between renewals, and checks for Stop requests
REDISPATCH_SECONDS = env.float("REDISPATCH_SECONDS", default=15.0)  # s after which an unclaimed task may be lost
RUN_MAX_SECONDS = env.float("RUN_MAX_SECONDS", default=7200.0)  # s one run may take
RUN_IDLE_SECONDS = env.float("RUN_IDLE_SECONDS", default=900.0)  # s without a byte from the upstream
RUN_QUEUED_SECONDS = env.float("RUN_QUEUED_SECONDS", default=3600.0)  # s a run may wait for a worker
UPSTREAM_RETRY_SECONDS = env.float("UPSTREAM_RETRY_SECONDS", default=1.0)  # s before the first retry; then 2, 4 times
UPSTREAM_LOADING_SECONDS = env.float(
    "UPSTREAM_LOADING_SECONDS", default=600.0
)  # s a model that is being loaded may take
VIEWER_SECONDS = env.float("VIEWER_SECONDS", default=15.0)  # s an attached run goes on without a follower
TITLES = env.bool("TITLES", default=True)  # let the session's model write a title after the first exchange
UPSTREAM_CA_FILE = env.str("UPSTREAM_CA_FILE", default="")  # PEM file of authorities trusted beside the system's
PROVIDER_KEYS = env.list("PROVIDER_KEYS", default=[])  # more variables with providers' keys: NAME or NAME@host

COMPACT_SECONDS = env.float("COMPACT_SECONDS", default=600.0)  # s after its end until a stream is kept as a snapshot
RETENTION_DAYS = env.float("RETENTION_DAYS", default=0.0)  # days after which only a stream's end is kept; 0 = never
RESPONSES_DAYS = env.float("RESPONSES_DAYS", default=30.0)  # days until a program's response is deleted; 0 = never
WORKERS_DAYS = env.float("WORKERS_DAYS", default=30.0)  # days until the row of a worker that is gone is deleted

CURRENCY = env.str("CURRENCY", default="USD")  # of the prices of models, as it is shown after costs
DISCOVERY_PORTS = env.list("DISCOVERY_PORTS", default=["11434", "1234", "8080", "8000"])  # loopback; model servers' own
