"""Redis or Valkey: Celery's broker and the channel layer."""

from chatapp.settings.environment import env
from chatapp.settings.paths import DATA_DIR


def _redis_url() -> str:
    """The URL of the instance that `make run` has started for DATA_DIR, on a free port."""
    try:
        return (DATA_DIR / "redis_url").read_text().strip()
    except OSError:
        return "redis://127.0.0.1:6379/0"


REDIS_URL = env.str("REDIS_URL", default="") or _redis_url()  # any Redis or Valkey
CHANNEL_PREFIX = env.str("CHANNEL_PREFIX", default="chatapp")  # keeps two sites on one Redis apart

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": CHANNEL_PREFIX},
    },
}
