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
SERVESTATIC_USE_BROTLI = False  # that takes a minute of CPU time at the first start, and gzip a second
FILES_BUCKET = env.str("FILES_BUCKET", default="")  # files are in this bucket, not in DATA_DIR (docs/files.md)
FILES_BUCKET_ENDPOINT = env.str(
    "FILES_BUCKET_ENDPOINT", default=""
)  # of the storage, if it is not Amazon's: http://…:9000
FILES_BUCKET_REGION = env.str("FILES_BUCKET_REGION", default="")  # of the bucket
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
if FILES_BUCKET:
    STORAGES["files"] = {
        "BACKEND": "chatapp.files.s3.Bucket",
        "OPTIONS": {
            "bucket_name": FILES_BUCKET,
            "endpoint_url": FILES_BUCKET_ENDPOINT or None,
            "region_name": FILES_BUCKET_REGION or None,
            "file_overwrite": True,  # places are never used twice: nothing is looked up before it is written
        },
    }
