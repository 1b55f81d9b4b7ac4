/** Messages of a document from `pagehide` on: when they are sent, and that a script that is cut off loses none. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { runInThisContext } from 'node:vm'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import type { IpcRenderer } from '../../src/ipc-renderer.js'
import { catchOutliving, letGo, type Outliving } from '../support/outliving.js'
import { clientOf, quiet, ScriptedServer, until } from '../support/scripted-server.js'

/** Milliseconds until a script that does not end by itself is cut off. */
const CUT_OFF = 500

let server: ScriptedServer
let ipcRenderer: IpcRenderer
let beacons: Outliving['beacons']

beforeEach(async () => {
  beacons = catchOutliving().beacons
  server = new ScriptedServer()
  ipcRenderer = clientOf(server)
  ipcRenderer.connection.begin()
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
  connection.begin()
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

describe('more than a beacon holds', () => {
  /** Numbers of about 1 KB each. */
  const post = (count: number): void => {
    for (let index = 0; index < count; index++) ipcRenderer.send('n', index, 'x'.repeat(1000))
  }
  const firsts = (): unknown[] => server.sent('n').map((args) => (args as unknown[])[0])
  const numbers = (count: number): number[] => [...Array(count).keys()]

  test('is in further ones if the server takes them in any order, and each says how much there is', async () => {
    await again(['ports', 'sync', 'send-to', 'beacons'])
    post(200)
    ipcRenderer.connection.leave(false)
    assert.equal(beacons.length, 4)
    for (const beacon of beacons) {
      assert.ok(beacon.body.size <= DEFAULT_LIMITS.beaconBytes)
      const { hello, bye } = await server.beacon(beacon.body)
      assert.deepEqual([hello.last, bye], [200, 200])
    }
    assert.deepEqual(firsts(), numbers(200))
  })

  test('is at most a mebibyte', async () => {
    await again(['beacons'])
    post(2000)
    ipcRenderer.connection.leave(false)
    assert.equal(beacons.length, 16)
  })

  test('is given up if the server is older', async () => {
    post(200)
    ipcRenderer.connection.leave(false)
    assert.equal(beacons.length, 1)
    assert.equal(await take(beacons[0]), 200)
  })

  test('goes by fetchLater where the browser takes no more, and the bye by a small beacon', async () => {
    const later: Blob[] = []
    Object.assign(globalThis, { fetchLater: (_url: string, init: RequestInit) => { later.push(init.body as Blob) } })
    try {
      let left = 1
      beacons = catchOutliving((body) => body.size < 1000 || left-- > 0).beacons
      await again(['beacons'])
      post(200)
      ipcRenderer.connection.leave(false)
      assert.deepEqual([beacons.length, later.length], [2, 1])
      assert.equal(await take(beacons[0]), 200)
      assert.equal((await server.beacon(later[0] ?? new Blob())).bye, 200)
      assert.equal(await take(beacons[1]), 200)
      assert.ok(firsts().length > 100)
      assert.deepEqual(firsts(), numbers(firsts().length))
    } finally {
      Reflect.deleteProperty(globalThis, 'fetchLater')
    }
  })

  test('is counted although the browser takes no messages at all', async () => {
    beacons = catchOutliving((body) => body.size < 1000).beacons
    post(200)
    ipcRenderer.connection.leave(true)
    const [beacon] = beacons
    assert.ok(beacon)
    const { hello, bye } = await server.beacon(beacon.body)
    assert.deepEqual([hello.last, bye], [200, undefined], 'the page may return')
  })

  /** A page whose server has these features, and whose socket is dead. */
  async function again(features: string[]): Promise<void> {
    ipcRenderer.connection.close()
    beacons.length = 0
    server = new ScriptedServer()
    server.features = features
    ipcRenderer = clientOf(server)
    ipcRenderer.connection.begin()
    await until(() => ipcRenderer.connection.state === 'open')
    server.socket.deaf = true
  }
})

test('a value that throws is thrown at once, and not repeated', () => {
  ipcRenderer.connection.goodbye.going = true
  assert.throws(() => { ipcRenderer.send('n', () => undefined) }, /An object could not be cloned/)
  ipcRenderer.connection.leave(false)
  assert.deepEqual(server.sent('n'), [])
})
