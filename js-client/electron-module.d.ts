/**
 * `webipc/electron-module` for a tsconfig whose `typeRoots` includes `node_modules`: there the compiler looks for a file
 * of this name, and not into package.json.
 */
/// <reference path="./dist/electron/electron-module.d.ts" />
