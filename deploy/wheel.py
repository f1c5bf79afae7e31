"""Build hooks of chatapp's wheel: its requirements, and the browser packages of its pages.

The browser packages come from npm and are never committed, so a build needs them in deploy/browser/node_modules and
fails without them: a wheel without them would serve pages that never show a live answer.
"""

import json
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

REQUIREMENTS = ("deploy/requirements/app.in", "deploy/requirements/broker.in")
BROWSER = "deploy/browser"
MISSING = "The browser package {} is missing. Run `npm ci --omit=dev --ignore-scripts` in {}, and build again."


class Requirements(MetadataHookInterface):
    """The wheel depends on the requirements in app.in, and on the broker that `chatapp up` starts."""

    def update(self, metadata: dict) -> None:
        lines = [line.strip() for name in REQUIREMENTS for line in Path(self.root, name).read_text().splitlines()]
        metadata["dependencies"] = [line for line in lines if line and not line.startswith("#")]


class BrowserPackages(BuildHookInterface):
    """Add the `dependencies` of package.json as `chatapp/browser_packages/` of the wheel."""

    def initialize(self, version: str, build_data: dict) -> None:
        if self.target_name == "wheel" and version == "editable":
            return  # an editable install uses the clone's
        for name in json.loads(Path(self.root, BROWSER, "package.json").read_text())["dependencies"]:
            folder = Path(self.root, BROWSER, "node_modules", name)
            if not folder.is_dir():
                raise FileNotFoundError(MISSING.format(name, BROWSER))
            inside = "chatapp/browser_packages" if self.target_name == "wheel" else f"{BROWSER}/node_modules"
            build_data["force_include"][str(folder)] = f"{inside}/{name}"
