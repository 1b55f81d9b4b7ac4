"""The npm package: which files it has, and that bundlers and compilers can import it."""

import json
import tarfile
from pathlib import Path

import pytest

from tests.packaging.conftest import Distributions, run

USER = "import { ipcRenderer } from 'webipc'\nexport const sum: Promise<number> = ipcRenderer.invoke('add', 1, 2)\n"
HOST = (
    "import 'webipc/web-view'\n"
    "document.createElement('web-view').addEventListener('ipc-message', ({ frameId: [, frame] }) => frame + 1)\n"
)


def test_the_tarball_holds_what_its_exports_name_and_no_sources(distributions: Distributions) -> None:
    with tarfile.open(distributions.tarball) as archive:
        names = set(archive.getnames())
        manifest = archive.extractfile("package/package.json")
        assert manifest is not None
        exports = json.load(manifest)["exports"]
    targets = {path for entry in exports.values() for path in (entry.values() if isinstance(entry, dict) else [entry])}
    assert names >= {f"package/{target.removeprefix('./')}" for target in targets}
    assert {name.split("/")[1] for name in names} == {
        *("dist", "package.json", "LICENSE", "README.md"),
        "electron-module.d.ts",
    }


def test_the_package_has_no_runtime_dependency(npm_project: Path) -> None:
    packages = {path.name for path in (npm_project / "node_modules").iterdir() if not path.name.startswith(".")}
    assert packages == {"webipc"}


def test_it_can_be_imported_where_there_is_no_browser(npm_project: Path) -> None:
    program = "import { ipcRenderer } from 'webipc'; console.log(typeof ipcRenderer.invoke)"
    assert run(["node", "--input-type=module", "--eval", program], npm_project).strip() == "function"
    program = "import { WebView } from 'webipc/web-view'; console.log(typeof WebView)"
    assert run(["node", "--input-type=module", "--eval", program], npm_project).strip() == "function"


@pytest.mark.parametrize("resolution", ["--module NodeNext", "--module ESNext --moduleResolution bundler"])
def test_a_strict_compiler_finds_its_types(npm_project: Path, project_root: Path, resolution: str) -> None:
    (npm_project / "user.ts").write_text(USER + HOST)
    compiler = project_root / "js-client" / "node_modules" / ".bin" / "tsc"
    options = ["--noEmit", "--strict", "--target", "ES2022", "--lib", "ES2022,DOM", *resolution.split()]
    run([compiler, *options, "user.ts"], npm_project)


def test_code_written_for_electron_compiles_where_electron_is_absent(npm_project: Path, project_root: Path) -> None:
    sources = project_root / "js-client" / "test" / "electron" / "absent"
    for source in sources.glob("*.ts"):
        (npm_project / source.name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    compiler = project_root / "js-client" / "node_modules" / ".bin" / "tsc"
    strict = "--noEmit --strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess"
    modules = "--target ES2022 --lib ES2022,DOM --module ESNext --moduleResolution bundler"
    types = "--types webipc/electron-module"
    run([compiler, *f"{strict} {modules} {types}".split(), "preload.ts", "renderer.ts"], npm_project)


# How the compiler is configured by what Electron's users begin with. The compiler of the checkout calls Node's old
# resolution outdated, but still has it.
OLD = {"moduleResolution": "node10", "ignoreDeprecations": "6.0"}
SHAPES: dict[str, dict[str, object]] = {
    "Electron Forge": {"target": "ES2022", "module": "commonjs", **OLD},
    "electron-vite": {"target": "ESNext", "module": "ESNext", "moduleResolution": "bundler", "isolatedModules": True},
    "electron-vite 1": {"target": "ESNext", "module": "ESNext", **OLD},
    "electron-react-boilerplate": {"target": "ES2022", "module": "node16", "moduleResolution": "node16"},
}
# Where each lets the compiler find `webipc/electron-module`. With `typeRoots`, the compiler looks for the names of
# `types` nowhere else, so a line in a declaration file names it, or `typeRoots` has the folder of all packages.
REFERENCE = '/// <reference types="webipc/electron-module" />\n'
PLACES: dict[str, dict[str, object]] = {
    "types": {"types": ["webipc/electron-module"]},
    "typeRoots with node_modules": {
        "typeRoots": ["./own", "./node_modules"],
        "types": ["mine", "webipc/electron-module"],
    },
    "a reference": {"typeRoots": ["./own", "./node_modules/@types"]},
}


@pytest.mark.parametrize(
    "shape, place",
    [
        *((shape, "types") for shape in SHAPES),
        *((shape, place) for shape in list(SHAPES)[:2] for place in list(PLACES)[1:]),
    ],
)
def test_electrons_projects_find_the_types_as_they_configure_the_compiler(
    npm_project: Path, project_root: Path, tmp_path: Path, shape: str, place: str
) -> None:
    project = tmp_path / "project"
    (project / "own" / "mine").mkdir(parents=True)
    (project / "own" / "mine" / "index.d.ts").write_text("declare const MINE: number\n")
    (project / "node_modules").symlink_to(npm_project / "node_modules")
    absent = project_root / "js-client" / "test" / "electron" / "absent"
    for source in absent.glob("*.ts"):
        (project / source.name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    if place == "a reference":
        (project / "globals.d.ts").write_text(REFERENCE)
    if "node16" not in SHAPES[shape].values():
        # As an ECMAScript module, the package itself is for the bundler of a CommonJS project.
        (project / "user.ts").write_text(USER + HOST + "import { allow } from 'webipc/commands'\nallow('reload')\n")
    common = {"strict": True, "noEmit": True, "esModuleInterop": True, "lib": ["ES2022", "DOM"], "skipLibCheck": True}
    options = {**common, **SHAPES[shape], **PLACES[place], "preserveSymlinks": True}
    (project / "tsconfig.json").write_text(json.dumps({"compilerOptions": options}))
    run([project_root / "js-client" / "node_modules" / ".bin" / "tsc", "-p", "."], project)


def test_electron_can_be_imported_where_there_is_no_browser(npm_project: Path) -> None:
    program = (
        "import electron, { contextBridge } from 'webipc/electron'; import { ipcRenderer } from 'webipc';"
        "contextBridge.exposeInMainWorld('api', { a: 1 }); console.log(electron.ipcRenderer === ipcRenderer, api.a)"
    )
    assert run(["node", "--input-type=module", "--eval", program], npm_project).strip() == "true 1"


def bundled(project: Path, root: Path, program: str, *options: str) -> str:
    """Return the bundle that esbuild makes of a program that imports the package."""
    (project / "program.ts").write_text(program, encoding="utf-8")
    esbuild = root / "js-client" / "node_modules" / ".bin" / "esbuild"
    return run([esbuild, "program.ts", "--bundle", "--format=esm", "--log-level=warning", *options], project)


@pytest.mark.parametrize(
    "program",
    [
        "import 'webipc'",
        "import { ipcRenderer } from 'webipc'\nipcRenderer.send('ping')",
        "import { CloneError } from 'webipc'\nconsole.log(CloneError.name)",
    ],
)
def test_a_bundler_keeps_what_an_import_does_which_is_to_connect(
    npm_project: Path, project_root: Path, program: str
) -> None:
    assert "webipc.v1" in bundled(npm_project, project_root, program)


@pytest.mark.parametrize("module", ["electron", "electron/renderer", "electron/common"])
def test_a_bundlers_alias_finds_every_name_of_electrons_module(
    npm_project: Path, project_root: Path, module: str
) -> None:
    program = f"import {{ ipcRenderer }} from '{module}'\nipcRenderer.send('ping')"
    assert "webipc.v1" in bundled(npm_project, project_root, program, "--alias:electron=webipc/electron")


def test_types_alone_leave_nothing_in_a_bundle(npm_project: Path, project_root: Path) -> None:
    program = "import type { IpcRenderer } from 'webipc'\nexport type Mine = IpcRenderer"
    assert bundled(npm_project, project_root, program, "--minify").strip() == ""


def test_the_map_of_a_bundle_leads_to_the_sources_of_the_client(npm_project: Path, project_root: Path) -> None:
    bundled(npm_project, project_root, "import 'webipc'", "--sourcemap=external", "--outfile=program.js")
    chained = json.loads((npm_project / "program.js.map").read_text(encoding="utf-8"))
    texts = dict(zip(chained["sources"], chained["sourcesContent"], strict=True))
    (name,) = [name for name in texts if name.endswith("src/ipc-renderer.ts")]
    assert texts[name] == (project_root / "js-client/src/ipc-renderer.ts").read_text(encoding="utf-8")
