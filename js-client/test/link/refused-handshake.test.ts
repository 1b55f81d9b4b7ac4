/** What a page does after 4411, and when no handshake of a socket succeeds, as behind a proxy that wants a login. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { ipcRenderer, isOpen, newServer, server, start, started, states } from '../support/scripted-page.js'
import { quiet, until } from '../support/scripted-server.js'

const { fetch } = globalThis

/** The requests of the page, and what answers them: a status, or nothing. */
let asked: [url: string, init: RequestInit | undefined][]
let status: number | undefined
/** Holds the answers back. */
let held: Promise<void> | undefined

beforeEach(() => {
  mock.method(console, 'warn', () => undefined)
  newServer()
  asked = []
  status = undefined
  held = undefined
  globalThis.fetch = async (url, init) => {
    asked.push([url as string, init])
    await held
    if (status === undefined) throw new TypeError('Failed to fetch')
    return { status } as Response
  }
})
afterEach(() => {
  ipcRenderer.connection.close()
  globalThis.fetch = fetch
  mock.restoreAll()
})

const isClosed = (): boolean => ipcRenderer.connection.state === 'closed'

describe('4411', () => {
  test('the page reconnects at once and resumes; a waiting call is answered', async (context) => {
    // No timer fires. Before the start, because a real one could not be cleared any more.
    context.mock.timers.enable({ apis: ['setTimeout'] })
    await started({ random: () => 1 })
    const call = ipcRenderer.invoke('later')
    await until(() => server.log.length === 1)
    const [first] = server.sockets
    assert.ok(first)
    first.cut(4411, 'ask-again')
    await until(() => server.sockets.length === 2 && isOpen())
    assert.deepEqual([states, server.hellos.map(({ attempt }) => attempt)], [['open', 'resuming', 'open'], [1, 2]])
    server.say('["result",1,7]')
    assert.equal(await call, 7)
  })
  for (const [how, end] of Object.entries({
    'instead of a welcome': () => { server.mood = { code: 4411, reason: '' } },
    'behind each welcome': () => {
      ipcRenderer.connection.on('state', ({ state }: { state: string }) => {
        if (state === 'open') server.socket.cut(4411)
      })
    },
  })) {
    test(`a server that says it ${how} gets one socket at once, and the next after a wait`, async (context) => {
      context.mock.timers.enable({ apis: ['setTimeout'] })
      await started({ random: () => 1 })
      end()
      server.socket.cut(4411)
      await until(() => server.sockets.length === 2)
      await quiet()
      assert.equal(server.sockets.length, 2)
      context.mock.timers.tick(99)
      await quiet()
      assert.equal(server.sockets.length, 2)
      context.mock.timers.tick(1)
      await until(() => server.sockets.length === 3)
    })
  }
})

describe('a handshake that is refused', () => {
  for (const refused of [401, 403, 0]) {
    test(`three times, and the file with ${refused || 'a redirect'}: the page is closed, with 4401`, async () => {
      status = refused
      server.mood = { code: 1006, reason: '' }
      start()
      await assert.rejects(ipcRenderer.invoke('a'), { code: 'not-sent', reason: 'unauthorized' })
      await until(isClosed)
      assert.equal(ipcRenderer.connection.code, 4401)
      assert.deepEqual(asked, [
        ['http://127.0.0.1/ipc/client.js', { redirect: 'manual', cache: 'no-store', credentials: 'include' }],
      ])
      assert.ok(server.sockets.length <= 4)
      const { length } = server.sockets
      await quiet()
      assert.equal(server.sockets.length, length, 'no socket follows')
      server.mood = 'welcome'
      ipcRenderer.connection.open()
      await until(isOpen)
    })
  }
  for (const other of [200, 304, 404, 502, undefined]) {
    test(`and the file is answered with ${other ?? 'nothing'}: it goes on, and asks at each third`, async () => {
      status = other
      server.mood = { code: 1006, reason: '' }
      start()
      await until(() => server.sockets.length === 8)
      assert.equal(asked.length, 2)
      server.mood = 'welcome'
      await until(isOpen)
    })
  }
  test('fewer times, or with another code: nothing is asked', async () => {
    await started()
    for (const code of [1006, 1006, 1001, 1006, 1006, 4503]) {
      server.socket.cut(code)
      const count = server.sockets.length
      await until(() => server.sockets.length > count && isOpen())
    }
    server.mood = { code: 4503, reason: 'full' }
    const count = server.sockets.length
    server.socket.cut(4503)
    await until(() => server.sockets.length > count + 6)
    assert.deepEqual(asked, [])
  })
  test('an answer that comes when a socket is open, or the link is another, changes nothing', async () => {
    status = 401
    for (const then of [() => undefined, () => {
      ipcRenderer.connection.close()
      server.mood = 'silent'
      ipcRenderer.connection.open()
    }]) {
      newServer()
      asked = []
      let answer = (): void => undefined
      held = new Promise((resolve) => { answer = resolve })
      server.mood = { code: 1006, reason: '' }
      start()
      await until(() => asked.length === 1)
      server.mood = 'welcome'
      await until(isOpen)
      then()
      answer()
      await quiet()
      assert.ok(!isClosed())
      ipcRenderer.connection.close()
    }
  })
})
