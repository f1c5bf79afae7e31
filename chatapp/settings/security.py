"""Keys, hosts, cookies, log-in and the headers that restrict browsers."""

import secrets

from chatapp.settings.environment import env
from chatapp.settings.paths import DATA_DIR


def _secret_key() -> str:
    """The key in `DATA_DIR/secret_key`. The first process creates it, so a fresh clone needs no setting."""
    path = DATA_DIR / "secret_key"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        candidate = path.with_name(f".secret_key.{secrets.token_hex(4)}")
        candidate.touch(mode=0o600)
        candidate.write_text(secrets.token_urlsafe(50))
        try:
            path.hardlink_to(candidate)  # atomic: of processes that start concurrently, the first wins
        except FileExistsError:
            pass
        candidate.unlink()
    return path.read_text().strip()


SECRET_KEY = env.str("SECRET_KEY", default="") or _secret_key()  # signs cookies
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])  # earlier keys whose signatures are still accepted
DEBUG = env.bool("DEBUG", default=False)  # Django's debug pages; never with a public host
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])  # names this site answers to
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])  # e.g. https://chat.example.org
ALLOWED_ORIGINS = env.list("ALLOWED_ORIGINS", default=[])  # other sites whose pages may use the APIs with a token
HTTPS = env.bool("HTTPS", default=False)  # behind a proxy that ends TLS: secure cookies, trusts X-Forwarded-Proto

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

CORS_ALLOWED_ORIGINS = ALLOWED_ORIGINS  # without cookies: the APIs take tokens only
CORS_URLS_REGEX = r"^/(v1|api)/"
CORS_ALLOW_HEADERS = [
    "accept", "authorization", "cache-control", "content-type", "idempotency-key", "if-match", "if-none-match",
    "last-event-id", "openai-beta", "openai-organization", "openai-project", "user-agent", "x-request-id",
    *(f"x-stainless-{name}" for name in (  # OpenAI's clients send these
        "arch", "async", "custom-poll-interval", "helper-method", "lang", "os", "package-version", "poll-helper",
        "raw-response", "retry-count", "runtime", "runtime-version", "timeout",
    )),
]  # fmt: skip
CORS_EXPOSE_HEADERS = [
    "ETag", "Location", "Retry-After", "X-Chatapp-Ignored-Parameters", "X-Request-ID", "X-Should-Retry",
]  # fmt: skip

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# The prefix makes browsers refuse such a cookie from another subdomain or without TLS.
SESSION_COOKIE_NAME = "__Host-chatapp_session" if HTTPS else "chatapp_session"
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=2_592_000)  # s (30 days), sent over https only; 0 = never
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
