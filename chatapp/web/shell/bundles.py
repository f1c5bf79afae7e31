"""Bundles: the modules and style sheets of pages, joined and minified by esbuild.

Standard library only, because the wheel's build hook (deploy/wheel.py) loads this file by its path.
"""

import subprocess
from pathlib import Path

ENTRIES = (  # what templates load
    "account/link_token.js",
    "compare/compare.css",
    "compare/compare.js",
    "providers/model_choice.js",
    "providers/providers.css",
    "schedules/rule_preview.js",
    "schedules/schedules.css",
    "shell/chatapp.css",
    "shell/page.js",
    "webhooks/webhooks.css",
)
SHARED = "shared"  # the folder for what several entries import
OPTIONS = (
    "--bundle",
    "--splitting",
    "--format=esm",
    "--minify",
    "--sourcemap",
    "--charset=utf8",
    "--target=es2022",
    "--log-level=warning",
    "--allow-overwrite",
    "--outbase=.",
    "--outdir=.",
    f"--chunk-names={SHARED}/[hash].[hash]",  # its name in the end: `collectstatic` changes no import
)


def find_esbuild(packages: Path) -> Path | None:
    """The program that npm has installed for this platform. It needs no Node.js. None where npm has none."""
    return next(packages.glob("@esbuild/*/bin/esbuild"), None)


def make_bundles(esbuild: Path, folder: Path) -> None:
    """Replace the entries in `folder` by bundles, and add source maps and shared modules.

    The folder has the layout of /static/, so that source maps contain the URLs of the sources.
    """
    argv = [str(esbuild.resolve()), *ENTRIES, *OPTIONS]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"esbuild could not bundle the modules and style sheets of pages:\n{done.stderr}")


def bundle_files(folder: Path) -> list[str]:
    """The names, relative to `folder`, of the files that make_bundles has made there."""
    shared = sorted(f"{SHARED}/{path.name}" for path in (folder / SHARED).glob("*"))
    return [*ENTRIES, *(f"{name}.map" for name in ENTRIES), *shared]
