/** `{prefix}/electron.global.js`, for classic scripts: defines a `require` that has `electron`, if there is none. */
import { electronModule } from './renderer-module.js'
import { announcePortClose } from './port-close.js'
import { makeRequire } from './require.js'
import { scriptClient } from './script-client.js'

announcePortClose()
const page = globalThis as { require?: unknown }
// An own property, because an element with this id is a property of every window.
if (!Object.hasOwn(page, 'require')) page.require = makeRequire(electronModule(scriptClient()))
