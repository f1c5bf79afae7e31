"""Lock the versions and hashes of all packages: `python3 deploy/lock.py [--upgrade]`. Needs uv and npm.

The lock files name no registry: installers use the one they are configured with.
"""

import os
import shutil
import subprocess
import sys

DEPLOY = os.path.dirname(os.path.abspath(__file__))
UNIVERSAL = ["--universal", "--python-version", "3.11", "--generate-hashes"]
ANONYMOUS = ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
LOCKS = [  # test.txt first: the others take its versions
    ("test", []),
    ("local", ["-c", "test.txt"]),
    ("app", ["-c", "test.txt"]),
    ("otel", ["-c", "test.txt"]),
    ("s3", ["-c", "test.txt"]),
    ("s3-test", ["-c", "test.txt"]),
    ("model", ["--no-deps"]),
    ("uv", []),
]


def main(options):
    uv, npm = shutil.which("uv"), shutil.which("npm")
    if not (uv and npm):
        sys.exit("uv and npm must be on the PATH (uv: pip install uv; npm comes with Node.js)")
    for name, extra in LOCKS:
        command = [uv, "pip", "compile", "-q", *UNIVERSAL, *ANONYMOUS, *extra, *options]
        subprocess.run([*command, f"{name}.in", "-o", f"{name}.txt"], cwd=f"{DEPLOY}/requirements", check=True)
    npm_command = "update" if "--upgrade" in options else "install"
    subprocess.run(
        [npm, npm_command, "--package-lock-only", "--no-audit", "--no-fund"], cwd=f"{DEPLOY}/browser", check=True
    )


if __name__ == "__main__":
    main(sys.argv[1:])
