"""The HTTP API: framework, schema, tokens and throttles."""

from datetime import timedelta

from chatapp.settings.environment import env
from chatapp.version import __version__

VERSION = __version__  # of chatapp

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
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS would repeat the schema
}
SPECTACULAR_SETTINGS = {
    "TITLE": "chatapp",
    "DESCRIPTION": "Chats whose answers are written whether or not anybody follows them. Requests need a token: create "
    "one under Settings, Developers. docs/api.md explains the API, docs/protocol.md its events.",
    "VERSION": VERSION,
    "LICENSE": {"name": "MIT", "identifier": "MIT"},
    "CONTACT": {"name": "The administrator of this site"},
    "SERVERS": [{"url": "/", "description": "This site"}],
    "TAGS": [
        {"name": "sessions", "description": "Chats: list, create, change, share, export, delete."},
        {"name": "messages", "description": "The messages of chats, with their versions."},
        {"name": "runs", "description": "Answers: follow, stop, regenerate, continue."},
        {"name": "compare", "description": "One prompt to several models, side by side."},
        {"name": "panes", "description": "The answers of a comparison, one by one."},
        {"name": "schedules", "description": "Prompts that are sent at set times."},
        {"name": "files", "description": "Files, to which messages refer."},
        {"name": "models", "description": "The models of this site."},
        {"name": "me", "description": "The user of the token."},
        {
            "name": "openai",
            "description": "OpenAI's API: for its clients, which take this site's address (docs/openai.md).",
        },
        {"name": "chat", "description": "The AI SDK's protocol: for pages with `useChat` (docs/aisdk.md)."},
    ],
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["chatapp.api.schema.only_this_api"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "chatapp.openai.schema.add_paths",
        "chatapp.aisdk.schema.add_paths",
        "chatapp.api.schema.add_shared_components",
    ],
    "COMPONENT_SPLIT_PATCH": False,  # the serializers declare what a PATCH may leave out
    "COMPONENT_SPLIT_REQUEST": True,  # requests have no read-only fields
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "MessageState": "chatapp.chats.models.MessageState",
        "StopState": "chatapp.api.serializers.runs.STATES_OF_STOP",
    },
    "AUTHENTICATION_WHITELIST": [],  # one scheme for all operations, declared here:
    "APPEND_COMPONENTS": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    "SECURITY": [{"token": []}],
}
IDEMPOTENCY_HOURS = env.float("IDEMPOTENCY_HOURS", default=24.0)  # h an Idempotency-Key is remembered

KNOX_TOKEN_MODEL = "accounts.Token"  # knox' own model has no name and no scope
MIGRATION_MODULES = {"knox": None}  # its tables are not used
REST_KNOX = {"TOKEN_TTL": timedelta(days=90), "AUTO_REFRESH": False}
TOKEN_MAX_DAYS = env.int("TOKEN_MAX_DAYS", default=365)  # days a token may live; 0 = no limit

# Requests a minute of one user; 0 = no limit. Counted in Valkey; while that is down nothing is refused.
THROTTLES = {
    "reads": env.int("THROTTLE_READS", default=1200),  # API: requests that change nothing
    "writes": env.int("THROTTLE_WRITES", default=300),  # API: requests that change something
    "runs": env.int("THROTTLE_RUNS", default=120),  # API: requests that start a run
    "programs": env.int("THROTTLE_PROGRAMS", default=600),  # OpenAI-compatible API: requests that start a run
    "follows": env.int("THROTTLE_FOLLOWS", default=300),  # API: requests that begin to follow a stream
    "exports": env.int("THROTTLE_EXPORTS", default=30),  # chats and comparisons as files, by pages and API
    "anonymous": env.int("THROTTLE_ANONYMOUS", default=300),  # shared chats, the API's schema: of one address
    "sign_ins": env.int("THROTTLE_SIGN_INS", default=10),  # passwords tried for one name from one address
}
