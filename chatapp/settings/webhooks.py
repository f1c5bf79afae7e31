"""Webhooks: where deliveries may go and how often they are retried."""

from chatapp.settings.environment import env

WEBHOOK_PRIVATE_NETWORKS = env.bool("WEBHOOK_PRIVATE_NETWORKS", default=False)  # also allow http, private addresses
WEBHOOK_SECONDS = env.float("WEBHOOK_SECONDS", default=10.0)  # s a receiver has for its response
WEBHOOK_RETRY_SECONDS = env.float("WEBHOOK_RETRY_SECONDS", default=5.0)  # s before the second attempt; then 6 times
WEBHOOK_ATTEMPTS = env.int("WEBHOOK_ATTEMPTS", default=8)  # attempts until a delivery is given up, after about a day
WEBHOOK_MAX_FAILURES = env.int("WEBHOOK_MAX_FAILURES", default=5)  # given up in a row until an endpoint is disabled
