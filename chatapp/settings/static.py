"""Static files: the site's own and the browser packages."""

from pathlib import Path

import drf_spectacular_sidecar

from chatapp.settings.environment import env
from chatapp.settings.paths import BASE_DIR, BROWSER_PACKAGES_DIR, DATA_DIR

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
SWAGGER_UI_DIR = Path(drf_spectacular_sidecar.__file__).parent / "static/drf_spectacular_sidecar/swagger-ui-dist"
BROWSER_PACKAGES = ["markdown-it/dist/browser"]  # the folders of packages that pages load
BUNDLES_DIR = BASE_DIR / "chatapp" / "bundles"  # only in a wheel; a clone makes bundles in `collectstatic`
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
    "files": {  # of users
        "BACKEND": "chatapp.files.storage.DurableFolder",
        "OPTIONS": {
            "location": DATA_DIR / "files",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if SERVESTATIC_USE_FINDERS
        else "chatapp.web.shell.assets.HashedStorage",
    },
}
