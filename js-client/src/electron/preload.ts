/**
 * Runs preload scripts: the first part of `{prefix}/preload.js`. A single script follows in the same file, in a
 * function. Several are separate files, which `load` has the page load (server/webipc/pages/preload.py assembles them,
 * and uses the same order of parameters).
 *
 * It leaves no global: what several scripts share is removed before the page's own scripts run.
 */
import { Buffer } from 'buffer/index.js'
import { descriptor } from '../core/clone/skeleton.js'
import { report } from '../concurrency/report-error.js'
import { findAddress } from '../page/server-address.js'
import { electronModule } from './renderer-module.js'
import { announcePortClose } from './port-close.js'
import { PreloadWorld } from './preload-world.js'
import { makeProcess } from './process.js'
import { makeRequire, type Require } from './require.js'
import { runNext } from './run-next.js'
import { scriptClient } from './script-client.js'
import { clearImmediate, setImmediate } from './timers.js'

/** A preload script as a function. Its parameters are the names that the script can use. */
type Preload = (
  require: Require, process: object, exports: object, module: { exports: object }, filename: string, dirname: string,
  buffer: typeof Buffer, global: typeof globalThis, immediate: typeof setImmediate, clear: typeof clearImmediate,
) => void

/** The global with `run` and `loaded` for several scripts, until the last has run. */
const KEY = 'webipcPreload'

announcePortClose()
const world = new PreloadWorld()
const require = makeRequire(electronModule(scriptClient(), world))
const process = makeProcess()
/** The names of the scripts that have not run yet. */
let awaited: string[] = []

/** Appends to `process.argv`, before the first script runs. */
export function append(additional: readonly string[]): void {
  process.argv.push(...additional)
}

/** Runs each script as a separate one, in order, so that an error in one, even of syntax, does not stop the others. */
export function load(names: readonly string[]): void {
  awaited = [...names]
  Object.defineProperty(globalThis, KEY, descriptor({ value: { run, loaded }, configurable: true }))
  runNext(names.length + 1, findAddress(undefined))
}

/** Runs one script. If it throws, the error is reported and the next one still runs. */
export function run(name: string, preload: Preload): void {
  reportSkipped(name)
  const exports = {}
  try {
    preload(
      require, process, exports, { exports }, `/${name}`, '/',
      Buffer, globalThis, setImmediate, clearImmediate,
    )
  } catch (error) {
    reportUnable(name)
    report(error)
  }
}

/** Emits `loaded`: the page's own scripts follow. */
export function loaded(): void {
  reportSkipped()
  Reflect.deleteProperty(globalThis, KEY)
  process.emit('loaded')
  world.settle()
}

/** Reports the scripts before this one that did not run. The browser has logged why, but not for which file. */
function reportSkipped(name?: string): void {
  for (let next = awaited.shift(); next !== name && next !== undefined; next = awaited.shift()) reportUnable(next)
}

function reportUnable(name: string): void {
  console.error(`Unable to load preload script: ${name}`)
}
