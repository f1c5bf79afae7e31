"""All settings, in one file, read from the environment. docs/settings.md lists them all.

Every variable has a default that works on one machine; `make run` needs none of them.
"""

import os
import secrets
import sys
from datetime import timedelta
from pathlib import Path

import drf_spectacular_sidecar

from chatapp.environment import Environment
from chatapp.observability import log_format
from chatapp.version import __version__

env = Environment()
SETTINGS_VARIABLES = env.names_read  # what is read here is no provider's key
os.umask(0o077)  # chats, logs and keys: whatever this process writes is for its own user only, before it writes any

# -- paths ---------------------------------------------------------------------------------------
BASE_DIR = Path(__file__).resolve().parent.parent
IS_CLONE = (BASE_DIR / "manage.py").is_file()  # else installed by pip, whose wheel has all of it inside the package
TEMPLATES_DIR = BASE_DIR / "templates" if IS_CLONE else BASE_DIR / "chatapp" / "templates"
BROWSER_PACKAGES_DIR = BASE_DIR / ("deploy/browser/node_modules" if IS_CLONE else "chatapp/browser_packages")
PYTHON = ".venv/bin/python" if Path(sys.prefix) == BASE_DIR / ".venv" else "python"
COMMAND = f"{PYTHON} manage.py" if IS_CLONE else "chatapp"  # how messages tell people to call a command


def _default_data_dir() -> Path:
    """`var` in a clone. An installed package must not write beside itself: there it is XDG's folder for user data."""
    if IS_CLONE:
        return BASE_DIR / "var"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share", "chatapp")


DATA_DIR = Path(env.str("DATA_DIR", default=str(_default_data_dir()))).resolve()  # database, logs, secret key


def _secret_key() -> str:
    """The key in `DATA_DIR/secret_key`, made on first use, so that a fresh clone starts without any setting."""
    path = DATA_DIR / "secret_key"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        candidate = path.with_name(f".secret_key.{secrets.token_hex(4)}")
        candidate.touch(mode=0o600)
        candidate.write_text(secrets.token_urlsafe(50))
        try:
            path.hardlink_to(candidate)  # atomic: of several processes starting at once, the first one wins
        except FileExistsError:
            pass
        candidate.unlink()
    return path.read_text().strip()


VERSION = __version__  # of chatapp

# -- secrets and hosts ---------------------------------------------------------------------------
SECRET_KEY = env.str("SECRET_KEY", default="") or _secret_key()  # signs cookies
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])  # earlier keys, whose signatures still hold
DEBUG = env.bool("DEBUG", default=False)  # Django's debug pages; never with a public host
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])  # names this site answers to
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])  # e.g. https://chat.example.org
HTTPS = env.bool("HTTPS", default=False)  # behind a proxy that ends TLS: secure cookies, trusts X-Forwarded-Proto

# -- make run ------------------------------------------------------------------------------------
HOST = env.str("HOST", default="127.0.0.1")  # address the web server listens on; 0.0.0.0 = all of them
PORT = env.int("PORT", default=8000)  # TCP port of the web server; 0 = any free one
LOCAL_MODEL = env.str("LOCAL_MODEL", default="")  # 0 = never, 1 = always, empty = unless a provider is configured
DRAIN_SECONDS = env.float("DRAIN_SECONDS", default=30.0)  # s in which a worker that shuts down lets its runs finish
EXIT_SECONDS = env.float("EXIT_SECONDS", default=15.0)  # s after that in which it ends by itself; then by force

# -- applications --------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "knox",
    "csp",
    "django_htmx",
    "template_partials",
    "django_structlog",
    "streams",
    "runs",
    "chatapp.accounts",
    "chatapp.chats",
    "chatapp.web",
    "chatapp.compare",
    "chatapp.schedules",
    "chatapp.webhooks",
    "chatapp.api",
    "chatapp.openai",
    "chatapp.ops",
]

MIDDLEWARE = [
    "chatapp.middleware.headers.Headers",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "chatapp.web.shell.assets.PageCompression",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "chatapp.web.shell.timezone.ReaderZone",
    "django_structlog.middlewares.RequestMiddleware",
]

ROOT_URLCONF = "chatapp.urls"
ASGI_APPLICATION = "chatapp.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [TEMPLATES_DIR],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "chatapp.web.shell.context.frame",
            ],
        },
    },
]

# -- database ------------------------------------------------------------------------------------
DATABASE_URL = env.str("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'chatapp.sqlite3'}")  # or postgres://…
DATABASE_POOL = env.int("DATABASE_POOL", default=10)  # PostgreSQL connections a process; 0 = no pool; prefork: none

DATABASES = {"default": env.db_url_config(DATABASE_URL)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # without it: thousands of "database is locked" (measured)
        "timeout": 20,  # s a writer waits for another
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
elif DATABASE_POOL:
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 1,
        "max_size": DATABASE_POOL,
        "timeout": 20,  # s a burst waits for a connection
    }
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # else the pool hands out what a restarted server has closed
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


# -- redis: broker, channel layer ----------------------------------------------------------------
def _redis_url() -> str:
    """Of the instance that `make run` has started on DATA_DIR, so that commands find its free port."""
    try:
        return (DATA_DIR / "redis_url").read_text().strip()
    except OSError:
        return "redis://127.0.0.1:6379/0"


REDIS_URL = env.str("REDIS_URL", default="") or _redis_url()  # any Redis or Valkey
CHANNEL_PREFIX = env.str("CHANNEL_PREFIX", default="chatapp")  # keeps two installations on one Redis apart

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": CHANNEL_PREFIX},
    },
}

# -- celery --------------------------------------------------------------------------------------
GENERATION_QUEUE = "generation"  # answers
TITLES_QUEUE = "titles"  # of sessions: calls of a model, so a worker that is full of runs leaves them waiting
UPKEEP_QUEUE = "upkeep"  # reaper and other short work, for which every worker keeps slots free
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{CHANNEL_PREFIX}:",
    "socket_connect_timeout": 3,  # s; a send must not hang when the broker is down,
    "socket_timeout": 4,  # s; nor when it is silent. A worker's own waits there take 1 s
    "socket_keepalive": True,
    "max_retries": 1,  # kombu would try for 6 s,
    "interval_start": 0.2,  # s; and a person is waiting to hear that the broker is down
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = UPKEEP_QUEUE
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_QUEUES = {GENERATION_QUEUE: {}, TITLES_QUEUE: {}, UPKEEP_QUEUE: {}}
CELERY_TASK_ROUTES = {
    "runs.tasks.generate": {"queue": GENERATION_QUEUE},
    "runs.tasks.write_title": {"queue": TITLES_QUEUE},
}
CELERY_TASK_PUBLISH_RETRY = False  # the sender is told at once and the run ends FAILED, see runs/lifecycle/dispatch.py
CELERY_TASK_ACKS_LATE = False  # late acks + Redis' visibility timeout would start a second copy of a long run
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONSUMER = "runs.worker.consumer:LastingConsumer"
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "reap": {"task": "runs.tasks.reap", "schedule": 3.0, "options": {"expires": 6}},  # s
    "compare": {"task": "chatapp.compare.tasks.advance", "schedule": 5.0, "options": {"expires": 10}},  # s
    "schedules": {"task": "chatapp.schedules.tasks.tick", "schedule": 15.0, "options": {"expires": 30}},  # s
    "forget": {"task": "chatapp.openai.tasks.forget", "schedule": 60.0, "options": {"expires": 60}},  # s
    "webhooks": {"task": "chatapp.webhooks.tasks.send_due", "schedule": 5.0, "options": {"expires": 5}},  # s
    "webhooks_sweep": {"task": "chatapp.webhooks.tasks.sweep", "schedule": 30.0, "options": {"expires": 30}},  # s
    "make_html": {"task": "runs.tasks.make_html", "schedule": 5.0, "options": {"expires": 5}},  # s
    "reduce_logs": {"task": "runs.tasks.reduce_logs", "schedule": 5.0, "options": {"expires": 5}},
    "tidy": {"task": "runs.tasks.tidy", "schedule": 86_400.0},
}
WORKER_CONCURRENCY = env.int("WORKER_CONCURRENCY", default=1000)  # runs a gevent worker carries at once

# -- runs ----------------------------------------------------------------------------------------
LEASE_SECONDS = env.float("LEASE_SECONDS", default=8.0)  # s without renewal after which a worker counts as gone
LEASE_RENEW_SECONDS = env.float("LEASE_RENEW_SECONDS", default=2.0)  # s between renewals and looks at stop requests
REDISPATCH_SECONDS = env.float("REDISPATCH_SECONDS", default=15.0)  # s after which an unclaimed task may be lost
RUN_MAX_SECONDS = env.float("RUN_MAX_SECONDS", default=7200.0)  # s one run may take
RUN_IDLE_SECONDS = env.float("RUN_IDLE_SECONDS", default=900.0)  # s without a byte from the upstream
UPSTREAM_RETRY_SECONDS = env.float("UPSTREAM_RETRY_SECONDS", default=1.0)  # s before the first retry; then 2, 4 times
VIEWER_SECONDS = env.float("VIEWER_SECONDS", default=15.0)  # s an attached run lives on without anybody following it
TITLES = env.bool("TITLES", default=True)  # name sessions after their first exchange, with the same model
RUN_QUEUED_SECONDS = env.float("RUN_QUEUED_SECONDS", default=3600.0)  # s a run may wait for a worker
COMPACT_SECONDS = env.float("COMPACT_SECONDS", default=600.0)  # s after its end until a stream is kept as a snapshot
RETENTION_DAYS = env.float("RETENTION_DAYS", default=0.0)  # days after which only a stream's end is kept; 0 = never
RESPONSES_DAYS = env.float("RESPONSES_DAYS", default=30.0)  # days after which a response of a program is deleted
WORKERS_DAYS = env.float("WORKERS_DAYS", default=30.0)  # days after which runs forget a worker process that is gone
USER_MAX_RUNS = env.int("USER_MAX_RUNS", default=50)  # runs of one user on their way at once
USER_MAX_SENDS = env.int("USER_MAX_SENDS", default=120)  # messages one user may send a minute
USER_MAX_CONNECTIONS = env.int("USER_MAX_CONNECTIONS", default=100)  # a user's, to one web process; 0 = no limit
USER_MAX_SCHEDULES = env.int("USER_MAX_SCHEDULES", default=100)  # schedules one user may have; 0 = no limit
SCHEDULE_MAX_FAILURES = env.int("SCHEDULE_MAX_FAILURES", default=5)  # failures in a row that pause a schedule
PROVIDER_KEYS = env.list("PROVIDER_KEYS", default=[])  # further variables with keys of providers: NAME or NAME@host
CONTEXT_MAX_CHARACTERS = env.int("CONTEXT_MAX_CHARACTERS", default=1_000_000)  # characters sent upstream at once
CONTEXT_MAX_MESSAGES = env.int("CONTEXT_MAX_MESSAGES", default=2_000)  # messages sent upstream at once
USER_MAX_BYTES = env.int("USER_MAX_BYTES", default=1_000_000_000)  # bytes of text stored of one user; 0 = no limit
PROMPT_MAX_CHARACTERS = env.int("PROMPT_MAX_CHARACTERS", default=100_000)  # characters in one message with its files
PROMPT_MAX_FILES = env.int("PROMPT_MAX_FILES", default=20)  # files of text with one message

# -- streams -------------------------------------------------------------------------------------
STREAMS_SHARDS = env.int("STREAMS_SHARDS", default=1)  # Channels groups that streams are spread over, alike everywhere
STREAMS_TICK_SECONDS = env.float("STREAMS_TICK_SECONDS", default=0.005)  # s between a busy writer's commits
STREAMS_HEARTBEAT_SECONDS = env.float("STREAMS_HEARTBEAT_SECONDS", default=15.0)  # s; access is rechecked, too
STREAMS_SWEEP_SECONDS = env.float("STREAMS_SWEEP_SECONDS", default=3.0)  # s of silence, then the log is read

# -- webhooks ------------------------------------------------------------------------------------
WEBHOOK_PRIVATE_NETWORKS = env.bool("WEBHOOK_PRIVATE_NETWORKS", default=False)  # also http, also to private ones
WEBHOOK_SECONDS = env.float("WEBHOOK_SECONDS", default=10.0)  # s a receiver has for its answer
WEBHOOK_RETRY_SECONDS = env.float("WEBHOOK_RETRY_SECONDS", default=5.0)  # s before the second attempt; then 6 times
WEBHOOK_ATTEMPTS = env.int("WEBHOOK_ATTEMPTS", default=8)  # attempts until a delivery is given up, after about a day
WEBHOOK_MAX_FAILURES = env.int("WEBHOOK_MAX_FAILURES", default=5)  # given up in a row until an endpoint is switched off

# -- metrics -------------------------------------------------------------------------------------
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")  # bearer token for /metrics; empty: staff only
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")  # for traces; empty: there are none

# -- uploads -------------------------------------------------------------------------------------
REQUEST_SECONDS = env.float("REQUEST_SECONDS", default=120.0)  # s in which a request has to arrive whole
FILE_UPLOAD_HANDLERS = ["chatapp.web.chat.attachments.BoundedUpload"]  # files of text, as long as a message at most
DATA_UPLOAD_MAX_NUMBER_FILES = PROMPT_MAX_FILES + 100  # with more a form is not even read

MESSAGE_STORAGE = "chatapp.web.chat.drafts.Notices"  # in the session's row, a few at most

# -- security ------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_LINK_SECONDS = 600  # s a login link works
INVITATION_DAYS = env.float("INVITATION_DAYS", default=7.0)  # days in which an invited user may choose a password
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# By their prefix browsers refuse such a cookie from another subdomain or without TLS.
SESSION_COOKIE_NAME = "__Host-chatapp_session" if HTTPS else "chatapp_session"
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=2_592_000)  # s, 30 days, said over https only; 0 = never
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "manifest-src": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["chatapp.accounts.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "chatapp.accounts.permissions.HasScope",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["chatapp.accounts.throttles.ScopeThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["chatapp.api.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "chatapp.api.errors.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "chatapp.api.schema.Schema",
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS tells nothing that the schema does not
}
IDEMPOTENCY_HOURS = env.float("IDEMPOTENCY_HOURS", default=24.0)  # h an Idempotency-Key is remembered
SPECTACULAR_SETTINGS = {
    "TITLE": "chatapp",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["chatapp.api.schema.own"],
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "chatapp.api.schema.complete"],
    "COMPONENT_SPLIT_PATCH": False,  # serializers say what a change may leave out
    "COMPONENT_SPLIT_REQUEST": True,  # what is sent has no read-only fields
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "MessageState": "chatapp.chats.models.MessageState",
        "StopState": "chatapp.api.serializers.runs.STATES_OF_STOP",
    },
    "AUTHENTICATION_WHITELIST": [],  # said here, the same for all:
    "APPEND_COMPONENTS": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    "SECURITY": [{"token": []}],
}
KNOX_TOKEN_MODEL = "accounts.Token"  # knox' own has no name and no scope
MIGRATION_MODULES = {"knox": None}  # its tables are not used
REST_KNOX = {"TOKEN_TTL": timedelta(days=90), "AUTO_REFRESH": False}
TOKEN_MAX_DAYS = env.int("TOKEN_MAX_DAYS", default=365)  # days a token may live; 0 = also for ever

# How often a minute, of one user; 0 = no limit. Counted in Valkey; while that is away nothing is refused.
THROTTLES = {
    "reads": env.int("THROTTLE_READS", default=1200),  # API: what changes nothing
    "writes": env.int("THROTTLE_WRITES", default=300),  # API: what changes something
    "runs": env.int("THROTTLE_RUNS", default=120),  # API: what starts a run
    "follows": env.int("THROTTLE_FOLLOWS", default=300),  # API: streams that are begun to be followed
    "exports": env.int("THROTTLE_EXPORTS", default=30),  # chats and comparisons as files, by pages and API
    "anonymous": env.int("THROTTLE_ANONYMOUS", default=300),  # shared chats, the API's schema: of one address
    "sign_ins": env.int("THROTTLE_SIGN_INS", default=10),  # passwords tried for one name from one address
}

# -- static files --------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
SWAGGER_UI_DIR = Path(drf_spectacular_sidecar.__file__).parent / "static/drf_spectacular_sidecar/swagger-ui-dist"
BROWSER_PACKAGES = ["streaming-markdown"]  # what pages load of them
WEB_STATIC_DIRS = sorted((BASE_DIR / "chatapp" / "web").glob("*/static"))  # each below the name of its folder
STATICFILES_DIRS = [(folder.parent.name, str(folder)) for folder in WEB_STATIC_DIRS]
STATICFILES_DIRS += [
    (f"vendor/{name}", str(BROWSER_PACKAGES_DIR / name))
    for name in BROWSER_PACKAGES
    if (BROWSER_PACKAGES_DIR / name).is_dir()
] + [("vendor/swagger-ui", str(SWAGGER_UI_DIR))]
SERVESTATIC_USE_FINDERS = env.bool("STATIC_FROM_SOURCE", default=False)  # serve static files without collectstatic
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if SERVESTATIC_USE_FINDERS
        else "chatapp.web.shell.assets.HashedStorage",
    },
}

# -- time, language, logging ---------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", default="UTC")  # in which pages show times, unless the browser says

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")  # DEBUG, INFO, WARNING, ERROR
LOG_FORMAT = env.str("LOG_FORMAT", default="text")  # text or json: one object a line, for a collector
DJANGO_STRUCTLOG_CELERY_ENABLED = True  # a task's lines carry the request that asked for it
LOGGING = log_format.configuration(LOG_LEVEL, LOG_FORMAT)
