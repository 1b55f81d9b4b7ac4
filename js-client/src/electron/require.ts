/** The `require` of a sandboxed preload script: it has four modules, and loads no files. */
import { events } from './events.js'
import { timers } from './timers.js'
import type { ElectronModule } from './types.js'
import { url } from './url.js'

/** Throws Error `module not found: <name>`, as Electron does. A script that needs more modules has to be bundled. */
export type Require = (name: string) => unknown

export function makeRequire(electron: ElectronModule): Require {
  const modules = new Map<string, unknown>([
    ['electron', electron],
    ['electron/common', electron],
    ['electron/renderer', electron],
  ])
  for (const [name, module] of Object.entries<unknown>({ events, timers, url })) {
    modules.set(name, module).set(`node:${name}`, module)
  }
  return (name) => {
    if (!modules.has(name)) throw new Error(`module not found: ${name}`)
    return modules.get(name)
  }
}
