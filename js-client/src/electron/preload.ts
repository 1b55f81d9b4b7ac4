/**
 * Runs preload scripts: the first part of `{prefix}/preload.js`. Behind it stands the script itself, in a function of
 * its own; several are scripts of their own, which `load` has the page load (server/webipc/preload.py puts all of them
 * together, and knows the order of the parameters).
 *
 * Nothing of it is a global of the page: what several scripts find is gone before the page's own scripts run.
 */
import { Buffer } from 'buffer/index.js'
import { report } from '../concurrency/report-error.js'
import { electronModule } from './renderer-module.js'
import { announcePortClose } from './port-close.js'
import { makeProcess } from './process.js'
import { makeRequire, type Require } from './require.js'
import { runNext } from './run-next.js'
import { scriptClient } from './script-client.js'
import { clearImmediate, setImmediate } from './timers.js'

/** A preload script as a function; its parameters are the names that it finds. */
type Preload = (
  require: Require, process: object, exports: object, module: { exports: object }, filename: string, dirname: string,
  buffer: typeof Buffer, global: typeof globalThis, immediate: typeof setImmediate, clear: typeof clearImmediate,
) => void

/** Where several scripts find `run` and `loaded`, until the last has run. */
const KEY = 'webipcPreload'

announcePortClose()
const require = makeRequire(electronModule(scriptClient()))
const process = makeProcess()
/** The names of the scripts that have not run. */
let awaited: string[] = []

/** Has each script run as one of its own, in their order: what is wrong with one, be it its syntax, stops no other. */
export function load(names: readonly string[]): void {
  awaited = [...names]
  Object.defineProperty(globalThis, KEY, { value: { run, loaded }, configurable: true })
  runNext(names.length + 1)
}

/** Runs one script; one that throws is reported and does not stop the next. */
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

/** Tells the scripts that the page comes now. */
export function loaded(): void {
  reportSkipped()
  Reflect.deleteProperty(globalThis, KEY)
  process.emit('loaded')
}

/** Those before this one have not run at all: the browser has said why, and not of which file. */
function reportSkipped(name?: string): void {
  for (let next = awaited.shift(); next !== name && next !== undefined; next = awaited.shift()) reportUnable(next)
}

function reportUnable(name: string): void {
  console.error(`Unable to load preload script: ${name}`)
}
