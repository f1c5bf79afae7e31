"""Build hooks of chatapp's wheel: its requirements, and the browser packages and bundles of its pages.

The browser packages come from npm and are never committed, so a build needs them in deploy/browser/node_modules and
fails without them: a wheel without them would serve pages that never show a live answer.
"""

import importlib.util
import json
import shutil
import tempfile
from pathlib import Path
from types import ModuleType

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

REQUIREMENTS = ("deploy/requirements/app.in", "deploy/requirements/broker.in")
BROWSER = "deploy/browser"
BUNDLES = "chatapp/bundles"  # where the wheel has them; so has a source distribution, for the wheel made of it
MISSING = "The browser package {} is missing. Run `npm ci --omit=dev --ignore-scripts` in {}, and build again."


class Requirements(MetadataHookInterface):
    """The wheel depends on the requirements in app.in, and on the broker that `chatapp up` starts."""

    def update(self, metadata: dict) -> None:
        lines = [line.strip() for name in REQUIREMENTS for line in Path(self.root, name).read_text().splitlines()]
        metadata["dependencies"] = [line for line in lines if line and not line.startswith("#")]


class BrowserPackages(BuildHookInterface):
    """Add the `dependencies` of package.json as `chatapp/browser_packages/`, and bundles of what pages load.

    Without esbuild, for which npm has no program on some platforms, the installed site serves the modules themselves.
    """

    folder: tempfile.TemporaryDirectory | None = None

    def initialize(self, version: str, build_data: dict) -> None:
        if self.target_name == "wheel" and version == "editable":
            return  # an editable install uses the clone's
        packages = Path(self.root, BROWSER, "node_modules")
        names = json.loads(Path(self.root, BROWSER, "package.json").read_text())["dependencies"]
        for name in names:
            if not (packages / name).is_dir():
                raise FileNotFoundError(MISSING.format(name, BROWSER))
            inside = "chatapp/browser_packages" if self.target_name == "wheel" else f"{BROWSER}/node_modules"
            build_data["force_include"][str(packages / name)] = f"{inside}/{name}"
        bundles = load_bundles(self.root)
        if esbuild := bundles.find_esbuild(packages):
            self.folder = tempfile.TemporaryDirectory()
            folder = Path(self.folder.name)
            for static in Path(self.root, "chatapp", "web").glob("*/static"):
                shutil.copytree(static, folder / static.parent.name)
            for name in names:
                shutil.copytree(packages / name, folder / "vendor" / name)
            bundles.make_bundles(esbuild, folder)
            for name in bundles.bundle_files(folder):
                build_data["force_include"][str(folder / name)] = f"{BUNDLES}/{name}"
        elif not Path(self.root, BUNDLES).is_dir():
            self.app.display_warning("esbuild is not installed: the pages of this wheel load their modules one by one")

    def finalize(self, version: str, build_data: dict, artifact_path: str) -> None:
        if self.folder:
            self.folder.cleanup()


def load_bundles(root: str) -> ModuleType:
    """chatapp/web/shell/bundles.py, without the packages around it: a build has no Django."""
    spec = importlib.util.spec_from_file_location("bundles", Path(root, "chatapp/web/shell/bundles.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
