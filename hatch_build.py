"""Puts the browser's half, and the pages that the server ships, into the wheel.

Runs inside hatchling. An editable install takes nothing from here, because `webipc.pages.assets` finds the files of the
checkout: so Python work needs no npm. npm runs only where the bundle is absent: an sdist carries it, and so installs
without Node.
Where the files go must agree with `server/webipc/pages/assets.py`, which reads them.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# What a build of the client leaves for the server; index.js beside them is for the npm package.
BUNDLES = (
    "client.js",
    "client.global.js",
    "commands.js",
    "web-view.js",
    "electron.js",
    "electron.global.js",
    "preload-runtime.js",
)


class ClientBundle(BuildHookInterface[Any]):
    """Builds the client where it is missing, and names the files of `webipc/static/` to the wheel."""

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
        """Run npm; raises `RuntimeError` that says what to do where there is no npm."""
        npm = shutil.which("npm")
        if npm is None:
            message = (
                "webipc's client is not built (no js-client/dist/client.js) and npm is not on PATH: "
                "install Node 20, or install webipc from a wheel or an sdist, which carry the built client"
            )
            raise RuntimeError(message)
        for arguments in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            subprocess.run([npm, *arguments], cwd=Path(self.root, "js-client"), check=True)

    def _static_files(self, dist: Path) -> dict[str, str]:
        """Map each file to its place in the wheel: client at `webipc/static/`, pages at `webipc/static/pages/`."""
        maps = (f"{name}.map" for name in BUNDLES if (dist / f"{name}.map").is_file())
        files = {str(dist / name): f"webipc/static/{name}" for name in (*BUNDLES, *maps)}
        pages = Path(self.root, "static")
        for page in sorted(path for path in pages.rglob("*") if path.is_file()):
            files[str(page)] = f"webipc/static/pages/{page.relative_to(pages).as_posix()}"
        return files
