/** A document that unloads, for good or to be restored, and how it resumes its tab and its link. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { client } from '../../src/client.js'
import type { IpcRenderer } from '../../src/ipc-renderer.js'
import { VERSION } from '../../src/version.js'
import { catchOutliving, letGo, type Outliving } from '../support/outliving.js'
import { clientOf, quiet, ScriptedServer, until } from '../support/scripted-server.js'

let server: ScriptedServer
let ipcRenderer: IpcRenderer
let outliving: Outliving
let beacons: Outliving['beacons']

const isOpen = (): boolean => ipcRenderer.connection.state === 'open'

beforeEach(() => {
  outliving = catchOutliving()
  beacons = outliving.beacons
  server = new ScriptedServer()
  ipcRenderer = clientOf(server)
  ipcRenderer.connection.begin()
})
afterEach(() => {
  ipcRenderer.connection.close()
  letGo()
})

describe('a document that unloads for good', () => {
  test('sends everything twice: by the socket, and by a beacon that ends with the bye', async () => {
    await until(isOpen)
    ipcRenderer.send('n', 1)
    ipcRenderer.send('n', 2)
    ipcRenderer.connection.leave(false)
    await until(() => server.socket.frames.length === 4)
    assert.deepEqual(server.sent('n'), [[1], [2]])
    assert.deepEqual(server.socket.frames.at(-1)?.control, ['bye', 2])
    assert.equal(server.socket.closed?.code, 1000)

    const [beacon] = beacons
    assert.ok(beacon)
    assert.equal(beacon.url, 'http://127.0.0.1/ipc/beacon')
    assert.equal(beacon.body.type, 'application/vnd.webipc.v1')
    const { hello, bye } = await server.beacon(beacon.body)
    assert.deepEqual([hello.attempt, hello.link, bye], [0, server.hellos[0]?.link, 2])
    assert.equal(server.sent('n').length, 2, 'what came twice is taken once')
  })
  test('the beacon is also sent as a fetch with `keepalive`, because browsers lose one or the other', async () => {
    await until(isOpen)
    ipcRenderer.connection.leave(false)
    const [request] = outliving.fetches
    assert.ok(request)
    const { url, body, init } = request
    assert.deepEqual([url, body], [beacons[0]?.url, beacons[0]?.body])
    assert.deepEqual({ ...init, body: '' }, { method: 'POST', keepalive: true, credentials: 'include', body: '' })
  })
  test('a link that never had a socket is created by the beacon, fresh', async () => {
    server.mood = 'silent'
    ipcRenderer.send('n', 1)
    ipcRenderer.connection.leave(false)
    const [beacon] = beacons
    assert.ok(beacon)
    const { hello, bye } = await server.beacon(beacon.body)
    assert.deepEqual([hello.fresh, bye], [true, 1])
    assert.deepEqual(server.log.map((message) => message.value), [[1]])
  })
  test('the beacon has the oldest messages that fit', async () => {
    await until(isOpen)
    server.socket.deaf = true
    for (let count = 0; count < 10; count++) ipcRenderer.send('n', count, 'x'.repeat(10_000))
    ipcRenderer.connection.leave(false)
    const [beacon] = beacons
    assert.ok(beacon && beacon.body.size < 65_536)
    assert.equal((await server.beacon(beacon.body)).bye, 10)
    const count = server.log.length
    assert.ok(count >= 5, `${count} of ten came`)
    assert.deepEqual(server.log.map((message) => (message.value as unknown[])[0]), [...Array(count).keys()])
  })
  test('without unsent messages there is no beacon', () => {
    ipcRenderer.connection.leave(false)
    assert.equal(beacons.length, 0)
    assert.throws(() => { ipcRenderer.send('n') }, /IPC method called after context was released/)
  })
  test('a browser that refuses the beacon is no error', async () => {
    await until(isOpen)
    for (const refused of [() => { throw new Error('no') }, () => false]) {
      catchOutliving(refused)
      ipcRenderer.send('n')
      ipcRenderer.connection.leave(true)
    }
    letGo()
    ipcRenderer.connection.leave(false)
  })
  test('waiting calls are not rejected, because no code is left to run', async () => {
    await until(isOpen)
    let settled = false
    ipcRenderer.invoke('no answer').catch(() => undefined).finally(() => { settled = true })
    ipcRenderer.connection.leave(false)
    await quiet()
    assert.equal(settled, false)
  })
})

describe('a document that may be restored', () => {
  test('closes without a bye, and resumes the same link', async () => {
    await until(isOpen)
    const answer = ipcRenderer.invoke('echo', 'asked before')
    ipcRenderer.connection.leave(true)
    await until(() => server.socket.closed)
    assert.equal(server.socket.closed?.code, 1000)
    assert.equal(ipcRenderer.connection.state, 'resuming')
    const [beacon] = beacons
    assert.ok(beacon)
    assert.equal((await server.beacon(beacon.body)).bye, undefined)
    await quiet()
    assert.equal(server.sockets.length, 1, 'no socket while it is away')

    ipcRenderer.connection.comeBack()
    assert.deepEqual(await answer, ['asked before'])
    assert.deepEqual(server.hellos.map((hello) => hello.attempt), [1, 2])
    assert.equal(server.hellos[0]?.link, server.hellos[1]?.link)
    assert.equal(server.log.length, 1)
    assert.ok(server.sockets.every((socket) => socket.frames.every((frame) => frame.control?.[0] !== 'bye')))
  })
  test('no acknowledgement is sent before the next hello', async () => {
    await until(isOpen)
    ipcRenderer.once('n', () => { ipcRenderer.connection.leave(true) })
    for (let count = 0; count < 100; count++) server.post('n', count)
    server.flush()
    await until(() => server.socket.closed)
    ipcRenderer.connection.comeBack()
    ipcRenderer.send('n', 'while it opens')
    await until(() => server.sent('n').length === 1)
    assert.deepEqual(server.socket.frames.map((frame) => frame.control?.[0]), ['hello', undefined])
  })
  test('with everything sent there is no beacon', async () => {
    await until(isOpen)
    ipcRenderer.connection.leave(true)
    assert.equal(beacons.length, 0)
  })
})

describe('the tab', () => {
  const realm = globalThis as { window?: unknown, sessionStorage?: unknown }
  let entries: Map<string, string>
  beforeEach(() => {
    entries = new Map()
    realm.sessionStorage = {
      getItem: (key: string) => entries.get(key) ?? null,
      setItem: (key: string, value: string) => entries.set(key, value),
      removeItem: (key: string) => entries.delete(key),
    }
  })
  afterEach(() => {
    Reflect.deleteProperty(globalThis, 'window')
    Reflect.deleteProperty(globalThis, 'sessionStorage')
  })
  function load(window: object): void {
    realm.window = window
    ipcRenderer.connection.close()
    server = new ScriptedServer()
    ipcRenderer = clientOf(server)
    ipcRenderer.connection.begin()
  }
  const top = (): object => {
    const window: { top?: unknown } = {}
    window.top = window
    return window
  }

  test('the next document of the tab sends the token that the server assigned to the last one', async () => {
    load(top())
    await until(isOpen)
    assert.equal(server.hellos[0]?.token, undefined)
    assert.equal(entries.size, 0, 'a duplicate of this tab would find nothing')
    ipcRenderer.connection.leave(false)
    load(top())
    await until(isOpen)
    assert.equal(server.hellos[0]?.token, 'a'.repeat(32))
    assert.equal(entries.size, 0)
  })
  test('an embedded frame does not use the storage', async () => {
    entries.set('webipc:http://127.0.0.1/ipc', 'c'.repeat(32))
    load({ top: {} })
    await until(isOpen)
    assert.equal(server.hellos[0]?.token, undefined)
    ipcRenderer.connection.leave(false)
    assert.deepEqual([...entries.values()], ['c'.repeat(32)])
  })
})

describe('the client of a realm', () => {
  const realm = globalThis as { [key: symbol]: unknown }
  const key = Symbol.for('webipc')
  afterEach(() => { Reflect.deleteProperty(realm, key) })

  test('is one, however often it is loaded, and does nothing without a WebSocket', () => {
    const first = client(undefined)
    assert.equal(client('http://127.0.0.1/ipc/client.js'), first)
    first.send('a')
    assert.deepEqual([first.connection.state, first.eventNames()], ['connecting', []])
  })
  test('of two versions the first wins, with a warning', () => {
    const warn = mock.method(console, 'warn', () => undefined)
    try {
      const theirs = {}
      realm[key] = { version: '9.9.9', ipcRenderer: theirs }
      assert.equal(client(undefined), theirs)
      assert.deepEqual(warn.mock.calls.map((call) => call.arguments), [[
        `webipc: 9.9.9 stays in use, not ${VERSION}`,
      ]])
    } finally {
      warn.mock.restore()
    }
  })
  test('the module exports it, and the classes of its errors', async () => {
    const exported = await import('../../src/index.js')
    assert.equal(exported.ipcRenderer, client(undefined))
    assert.equal(new exported.ResetError('ended', 'not-sent').code, 'not-sent')
    await import('../../src/global.js')
    const { webipc } = globalThis as { webipc?: { ipcRenderer: unknown } }
    assert.equal(webipc?.ipcRenderer, exported.ipcRenderer)
  })
})
