/**
 * Runs preload scripts: the first part of `{prefix}/preload.js`, whose other parts are the scripts themselves, each in
 * a function of its own (server/webipc/preload.py puts them together, and knows the order of the parameters).
 *
 * Nothing of it is a global of the page.
 */
import { Buffer } from 'buffer/index.js'
import { report } from '../report.js'
import { electronModule } from './renderer-module.js'
import { announcePortClose } from './port-close.js'
import { makeProcess } from './process.js'
import { makeRequire, type Require } from './require.js'
import { scriptClient } from './script-client.js'
import { clearImmediate, setImmediate } from './timers.js'

/** A preload script as a function; its parameters are the names that it finds. */
type Preload = (
  require: Require, process: object, exports: object, module: { exports: object }, filename: string, dirname: string,
  buffer: typeof Buffer, global: typeof globalThis, immediate: typeof setImmediate, clear: typeof clearImmediate,
) => void

announcePortClose()
const require = makeRequire(electronModule(scriptClient()))
const process = makeProcess()

/** Runs one script; one that throws is reported and does not stop the next. */
export function run(name: string, preload: Preload): void {
  const exports = {}
  try {
    preload(
      require, process, exports, { exports }, `/${name}`, '/',
      Buffer, globalThis, setImmediate, clearImmediate,
    )
  } catch (error) {
    console.error(`Unable to load preload script: ${name}`)
    report(error)
  }
}

/** Tells the scripts that the page comes now. */
export function loaded(): void {
  process.emit('loaded')
}
