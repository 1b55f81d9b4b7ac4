/** `connection.open()`: after a refusal, after `close()`, and in a page that connects when its program says so. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { NoSyncError } from '../../src/core/errors.js'
import { catchOutliving, letGo } from '../support/outliving.js'
import { ipcRenderer, isOpen, newServer, resets, server, start, started, states } from '../support/scripted-page.js'
import { requestClass } from '../support/scripted-request.js'
import { quiet, until } from '../support/scripted-server.js'

beforeEach(() => {
  mock.method(console, 'warn', () => undefined)
  newServer()
  Object.assign(globalThis, { XMLHttpRequest: requestClass([], (body, url) => server.sync(body, url)) })
})
afterEach(() => {
  ipcRenderer.connection.close()
  Reflect.deleteProperty(globalThis, 'XMLHttpRequest')
  mock.restoreAll()
})

const isClosed = (): boolean => ipcRenderer.connection.state === 'closed'

/** The links of all sockets, in order. */
const links = (): string[] => server.hellos.map((hello) => hello.link)

describe('open() after a refusal', () => {
  test('connects with a new link, on which nothing of the old one is sent', async () => {
    server.mood = { code: 4401, reason: 'Not authenticated' }
    start()
    ipcRenderer.send('n', 'of nobody')
    await assert.rejects(ipcRenderer.invoke('echo', 'of nobody'), { code: 'not-sent', reason: 'unauthorized' })
    const { linkId } = ipcRenderer.connection
    server.mood = 'welcome'
    ipcRenderer.connection.open()
    const { state, reason, code } = ipcRenderer.connection
    assert.deepEqual([state, reason, code], ['connecting', undefined, undefined])
    assert.deepEqual(await ipcRenderer.invoke('echo', 1), [1])
    assert.deepEqual(states, ['closed: Not authenticated', 'connecting', 'open'])
    assert.deepEqual([links().length, links()[0] === linkId, server.hellos[0]?.fresh], [1, true, true])
    assert.deepEqual([server.sent('n'), resets], [[], []])
  })
  test('of a link that was welcomed: the new one has another id, and the listeners stay', async () => {
    await started({ random: () => 1 })
    const got: unknown[] = []
    ipcRenderer.on('n', (_event, value: unknown) => got.push(value))
    server.mood = { code: 4401, reason: 'another-user' }
    server.socket.cut()
    await until(isClosed)
    server.mood = 'welcome'
    ipcRenderer.connection.open()
    await until(isOpen)
    assert.equal(new Set(links()).size, 2)
    assert.equal(server.hellos[1]?.fresh, true)
    server.send('n', 1)
    await until(() => got.length === 1)
    assert.deepEqual(ipcRenderer.sendSync('echo', 2), [2])
  })
  test('may be refused again, and again be repeated', async () => {
    server.mood = { code: 4401, reason: 'no' }
    start()
    for (let count = 1; count <= 3; count++) {
      await until(isClosed)
      assert.equal(server.sockets.length, count)
      ipcRenderer.connection.open()
    }
  })
  test('works in the listener of the state that it ends', async () => {
    server.mood = { code: 4401, reason: 'no' }
    start()
    ipcRenderer.connection.once('state', () => {
      server.mood = 'welcome'
      ipcRenderer.connection.open()
    })
    await until(isOpen)
    assert.deepEqual(await ipcRenderer.invoke('echo', 1), [1])
  })
  test('a refusal by the answer of a sendSync can be followed by open() too', async () => {
    await started()
    server.refusals.push({ status: 401, text: '{"code":4401,"reason":"another-user"}' })
    assert.throws(() => ipcRenderer.sendSync('echo'), { name: 'ResetError', reason: 'another-user' })
    await until(isClosed)
    assert.equal(ipcRenderer.connection.code, 4401)
    ipcRenderer.connection.open()
    assert.deepEqual(ipcRenderer.sendSync('echo', 1), [1])
  })
})

describe('open() after close()', () => {
  test('connects with a new link', async () => {
    await started()
    ipcRenderer.connection.close()
    ipcRenderer.connection.open()
    assert.deepEqual(await ipcRenderer.invoke('echo', 1), [1])
    assert.deepEqual(states, ['open', 'closed: closed by the page', 'connecting', 'open'])
    assert.equal(new Set(links()).size, 2)
  })
  const again = (): void => {
    ipcRenderer.connection.close()
    ipcRenderer.connection.open()
  }
  for (const [when, run] of Object.entries({
    'in a listener': again,
    'between two messages': () => { queueMicrotask(again) },
  })) {
    test(`${when}: the messages behind it are dropped, and those of the new link are dispatched`, async () => {
      await started()
      const got: unknown[] = []
      ipcRenderer.on('n', (_event, value: unknown) => {
        got.push(value)
        if (value === 1) run()
      })
      for (const value of [1, 2, 3]) server.post('n', value)
      server.flush()
      await until(() => server.hellos.length === 2 && isOpen())
      for (const value of [4, 5]) server.post('n', value)
      server.flush()
      await until(() => got.length === 3)
      await quiet()
      assert.deepEqual(got, [1, 4, 5])
    })
  }
  test('during a reset: the reset is over, and is not reported', async () => {
    await started()
    ipcRenderer.connection.on('state', ({ state }: { state: string }) => {
      if (state === 'reset') again()
    })
    server.socket.cut(4410, 'ended')
    await until(() => server.hellos.length === 2 && isOpen())
    await quiet()
    assert.deepEqual([resets, server.hellos.length], [[], 2])
  })
  test('in a document that unloads does nothing', async () => {
    await started()
    ipcRenderer.connection.close()
    ipcRenderer.connection.goodbye.going = true
    ipcRenderer.connection.open()
    assert.ok(isClosed())
  })
})

describe('open() in any other state does nothing', () => {
  test('open', async () => {
    await started()
    ipcRenderer.connection.open()
    await quiet()
    assert.equal(server.sockets.length, 1)
  })
  test('connecting, between two sockets', async () => {
    server.mood = { code: 1001, reason: '' }
    start({ random: () => 1 })
    await until(() => server.sockets.length === 1)
    await quiet()
    for (let count = 0; count < 10; count++) ipcRenderer.connection.open()
    assert.equal(server.sockets.length, 1)
  })
})

describe('a page that connects when its program says so', () => {
  test('makes no socket and no request before open(); then what it has sent arrives', async () => {
    const { beacons, fetches } = catchOutliving()
    try {
      start({ manual: true })
      ipcRenderer.send('n', 1)
      const answer = ipcRenderer.invoke('echo', 2)
      ipcRenderer.connection.wake(true)
      ipcRenderer.connection.comeBack()
      await quiet()
      assert.deepEqual([server.sockets, states, ipcRenderer.connection.state], [[], [], 'connecting'])
      ipcRenderer.connection.open()
      assert.deepEqual(await answer, [2])
      assert.deepEqual([server.sent('n'), beacons, fetches], [[[1]], [], []])
    } finally {
      letGo()
    }
  })
  test('a sendSync before open() throws, and says so', async () => {
    start({ manual: true })
    assert.throws(() => ipcRenderer.sendSync('echo'), (error: Error) => {
      assert.ok(error instanceof NoSyncError)
      assert.match(error.message, /connection\.open\(\) first/)
      return true
    })
    await quiet()
    assert.deepEqual([server.requests, server.introduced], [[], []])
    ipcRenderer.connection.open()
    assert.deepEqual(ipcRenderer.sendSync('echo', 1), [1])
  })
  for (const [how, end] of Object.entries({
    'is closed': () => { ipcRenderer.connection.close() },
    'unloads': () => { ipcRenderer.connection.leave(false) },
    'introduces itself for an iframe': () => { ipcRenderer.connection.introduce() },
  })) {
    test(`sends nothing when it ${how} before open()`, async () => {
      const { beacons, fetches } = catchOutliving()
      try {
        start({ manual: true })
        ipcRenderer.send('n', 1)
        end()
        await quiet()
        assert.deepEqual([beacons, fetches, server.sockets, server.introduced], [[], [], [], []])
      } finally {
        letGo()
      }
    })
  }
  test('after close() and open() it is a page like any other', async () => {
    start({ manual: true })
    ipcRenderer.connection.close()
    ipcRenderer.connection.open()
    await until(isOpen)
    ipcRenderer.connection.close()
    ipcRenderer.connection.open()
    await until(() => server.hellos.length === 2 && isOpen())
  })
})
