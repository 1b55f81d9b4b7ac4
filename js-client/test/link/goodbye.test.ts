/** Messages of a document from `pagehide` on: when they are sent, and that a script that is cut off loses none. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { runInThisContext } from 'node:vm'
import type { IpcRenderer } from '../../src/ipc-renderer.js'
import { catchOutliving, letGo, type Outliving } from '../support/outliving.js'
import { clientOf, quiet, ScriptedServer, until } from '../support/scripted-server.js'

/** Milliseconds until a script that does not end by itself is cut off. */
const CUT_OFF = 50

let server: ScriptedServer
let ipcRenderer: IpcRenderer
let beacons: Outliving['beacons']

beforeEach(async () => {
  beacons = catchOutliving().beacons
  server = new ScriptedServer()
  ipcRenderer = clientOf(server)
  ipcRenderer.connection.open()
  await until(() => ipcRenderer.connection.state === 'open')
  // Like a browser that has dropped the socket.
  server.socket.deaf = true
})
afterEach(() => {
  ipcRenderer.connection.close()
  letGo()
})

async function take(beacon: Outliving['beacons'][number] | undefined): Promise<number | undefined> {
  assert.ok(beacon)
  return (await server.beacon(beacon.body)).bye
}

/** Runs a script as Firefox does in a process that it ends: no `catch` and no `finally` runs at its end. */
function cutOff(script: () => void): void {
  Object.assign(globalThis, { script })
  assert.throws(() => runInThisContext('script()', { timeout: CUT_OFF }), { code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' })
  Reflect.deleteProperty(globalThis, 'script')
}

/** A value that never finishes being read, the first time. */
function endless(): { readonly value: string } {
  let reads = 0
  return {
    get value() {
      if (++reads === 1) for (;;);
      return 'read'
    },
  }
}

test('messages of a listener during pagehide leave after it, in one beacon without a bye', async () => {
  ipcRenderer.connection.goodbye.going = true
  ipcRenderer.send('n', 1)
  ipcRenderer.send('n', 2)
  assert.equal(beacons.length, 0, 'not in the middle of a listener')
  await until(() => beacons.length === 1)
  assert.equal(await take(beacons[0]), undefined)
  assert.deepEqual(server.sent('n'), [[1], [2]])

  ipcRenderer.send('n', 3)
  await until(() => beacons.length === 2)
  ipcRenderer.connection.leave(false)
  assert.equal(await take(beacons[2]), 3, 'whichever comes first, nothing is missing when the goodbye comes')
  assert.deepEqual(server.sent('n'), [[1], [2], [3]])
})

test('a document that stays, or is restored, sends no beacon', async () => {
  ipcRenderer.send('n', 1)
  await quiet()
  ipcRenderer.connection.goodbye.going = true
  ipcRenderer.connection.leave(true)
  assert.equal(beacons.length, 1)
  ipcRenderer.connection.comeBack()
  ipcRenderer.send('n', 2)
  await until(() => server.sent('n').length === 2)
  assert.equal(beacons.length, 1)
})

test('a link that never had a socket is created by the last beacon, which has all messages', async () => {
  const unmet = new ScriptedServer()
  unmet.mood = 'silent'
  const { connection, send } = clientOf(unmet)
  connection.open()
  connection.goodbye.going = true
  send('n', 1)
  await quiet()
  assert.equal(beacons.length, 0)
  connection.leave(false)
  assert.equal(beacons.length, 1)
})

test('a message whose script was cut off is sent at the end of the document, once', async () => {
  ipcRenderer.connection.goodbye.going = true
  cutOff(() => { ipcRenderer.send('n', endless()) })
  ipcRenderer.connection.leave(false)
  assert.equal(await take(beacons.at(-1)), 1)
  assert.deepEqual(server.sent('n'), [[{ value: 'read' }]])
})

test('a message that was posted before the cut is not repeated', async () => {
  ipcRenderer.connection.goodbye.going = true
  const { queueMicrotask } = globalThis
  // The client's next step after the link.
  globalThis.queueMicrotask = () => {
    globalThis.queueMicrotask = queueMicrotask
    for (;;);
  }
  cutOff(() => { ipcRenderer.send('n', 1) })
  ipcRenderer.connection.leave(false)
  assert.equal(await take(beacons.at(-1)), 1)
  assert.deepEqual(server.sent('n'), [[1]])
})

test('a value that throws is thrown at once, and not repeated', () => {
  ipcRenderer.connection.goodbye.going = true
  assert.throws(() => { ipcRenderer.send('n', () => undefined) }, /An object could not be cloned/)
  ipcRenderer.connection.leave(false)
  assert.deepEqual(server.sent('n'), [])
})
