"""Django's applications, middleware, templates, language and time zone."""

from chatapp.settings.environment import env
from chatapp.settings.paths import TEMPLATES_DIR

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
    "corsheaders",
    "csp",
    "django_structlog",
    "streams",
    "runs",
    "chatapp.accounts",
    "chatapp.chats",
    "chatapp.files",
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
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "chatapp.web.shell.assets.PageCompression",
    "csp.middleware.CSPMiddleware",
    "chatapp.middleware.wrong_method.WrongMethodPage",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
MESSAGE_STORAGE = "chatapp.web.chat.drafts.BoundedMessages"  # in the row of the log-in session, a few at most

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", default="UTC")  # of the times on pages for a browser that does not send its own
