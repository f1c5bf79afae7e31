"""SQLite in DATA_DIR, or PostgreSQL."""

from chatapp.settings.environment import env
from chatapp.settings.paths import DATA_DIR

DATABASE_URL = env.str("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'chatapp.sqlite3'}")  # or postgres://…
DATABASE_POOL = env.int("DATABASE_POOL", default=10)  # PostgreSQL connections a process; 0 = no pool; prefork: none

DATABASES = {"default": env.db_url_config(DATABASE_URL)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # without it: thousands of "database is locked" (measured)
        "timeout": 20,  # s a writer waits for the lock
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
elif DATABASE_POOL:
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 1,
        "max_size": DATABASE_POOL,
        "timeout": 20,  # s a burst waits for a connection
    }
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # else the pool returns connections a restarted server closed
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
