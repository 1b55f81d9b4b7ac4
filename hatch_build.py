"""Adds the built client and the pages of the package to the wheel: a build hook of hatchling.

An editable install does not need it, because `webipc.pages.assets` finds the files in the checkout, so work on the
Python half needs no npm. npm runs only if the built client is missing. An sdist contains it, and installs without Node.
The paths in the wheel are those that `server/webipc/pages/assets.py` reads.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The built files that the server serves. index.js beside them is for the npm package only.
BUNDLES = (
    "client.js",
    "client.global.js",
    "commands.js",
    "web-view.js",
    "web-view-guest.js",
    "electron.js",
    "electron.global.js",
    "preload-runtime.js",
)


class ClientBundle(BuildHookInterface[Any]):
    """Builds the client if it is missing, and adds the files of `webipc/static/` to the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the bundle and the pages to a wheel; `version` is "standard", or "editable", which needs neither."""
        if version == "editable":
            return
        dist = Path(self.root, "js-client", "dist")
        if not all((dist / name).is_file() for name in BUNDLES):
            self._build_client()
        if self.target_name == "wheel":
            build_data["force_include"].update(self._static_files(dist))

    def _build_client(self) -> None:
        """Run npm. Raises RuntimeError, whose text says what to install, if there is no npm."""
        npm = shutil.which("npm")
        if npm is None:
            message = (
                "webipc's client is not built (no js-client/dist/client.js) and npm is not on PATH: "
                "install Node 20, or install webipc from a wheel or an sdist, which contain the built client"
            )
            raise RuntimeError(message)
        for arguments in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            subprocess.run([npm, *arguments], cwd=Path(self.root, "js-client"), check=True)

    def _static_files(self, dist: Path) -> dict[str, str]:
        """Map each file to its path in the wheel: the client in `webipc/static/`, pages in `webipc/static/pages/`."""
        maps = (f"{name}.map" for name in BUNDLES if (dist / f"{name}.map").is_file())
        files = {str(dist / name): f"webipc/static/{name}" for name in (*BUNDLES, *maps)}
        pages = Path(self.root, "static")
        for page in sorted(path for path in pages.rglob("*") if path.is_file()):
            files[str(page)] = f"webipc/static/pages/{page.relative_to(pages).as_posix()}"
        return files
