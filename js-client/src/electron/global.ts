/** `{prefix}/electron.global.js`, for classic scripts: defines a `require` that has `electron`, if there is none. */
import { electronModule } from './renderer-module.js'
import { announcePortClose } from './port-close.js'
import { makeRequire } from './require.js'
import { scriptClient } from './script-client.js'

announcePortClose()
const page = globalThis as { require?: unknown }
page.require ??= makeRequire(electronModule(scriptClient()))
