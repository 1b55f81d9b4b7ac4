/** The connection with a server that breaks the protocol, refuses, is silent or slow; and `close` (PROTOCOL.md 6-8). */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test, type TestContext } from 'node:test'
import type { StateEvent } from '../../src/types/connection.js'
import { encodeControl } from '../../src/core/frame.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import {
  ipcRenderer, isOpen, newServer, numbers, resets, server, start, started, states,
} from '../support/scripted-page.js'
import { quiet, until } from '../support/scripted-server.js'

beforeEach(newServer)
afterEach(() => { ipcRenderer.connection.close() })

describe('a server that breaks the protocol', () => {
  const lies: Record<string, string | Uint8Array> = {
    'no JSON': 'hello',
    'a number too far on': '[3,0,["send","a",[]]]',
    'an acknowledgement of what was never sent': '[1,9]',
    'an unknown kind': '[1,0,["sent","a",[]]]',
    'a message for another role': '[1,0,["sync",2,"a",[]]]',
    'a value that lies': '[1,0,["send","a",[1],[["d",[7]]]]]',
    'arguments that are no array': '[1,0,["send","a",1]]',
    'a result that lies': '[1,0,["result",1,1,[["d",[7]]]]]',
    'an error without a message': '[1,0,["error",1,{}]]',
    'a second welcome': encodeControl(0, 'welcome', {
      received: 0, features: [], process: 'p', webContentsId: 1, token: '0'.repeat(32), frameToken: '0'.repeat(32),
      messageBytes: 1,
    }),
    'a page\'s own word': encodeControl(0, 'bye', 0),
  }
  for (const [what, frame] of Object.entries(lies)) {
    test(`${what} ends the link with 4400`, async () => {
      await started()
      const call = assert.rejects(ipcRenderer.invoke('no answer'), { code: 'unknown-outcome', reason: 'protocol' })
      await until(() => server.log.length === 1)
      const { socket } = server
      socket.deliver(frame)
      await until(() => resets.length === 1 && isOpen())
      assert.equal(socket.closed?.code, 4400)
      assert.equal(resets[0]?.reason, 'protocol')
      await call
    })
  }
  test('a frame beyond the limit ends the link with 4413', async () => {
    await started()
    const { socket } = server
    socket.deliver(`[1,0,["send","a",["${'x'.repeat(DEFAULT_LIMITS.socketBytes)}"]]]`)
    await until(() => resets.length === 1)
    assert.equal(socket.closed?.code, 4413)
  })
  test('an invalid value is not dispatched, nor are later messages', async () => {
    await started()
    const log: unknown[] = []
    ipcRenderer.on('n', (_event, value: unknown) => log.push(value))
    server.socket.deliver('[1,0,["send","n",[1]],["send","n",[2],[["d",[7]]]],["send","n",[3]]]')
    await until(() => resets.length === 1)
    await quiet()
    assert.deepEqual(log, [1])
  })
  test('a number before the welcome ends the link', async () => {
    server.mood = 'silent'
    start()
    await until(() => server.hellos.length === 1)
    server.socket.deliver('[1,0]')
    await until(() => server.sockets[0]?.closed)
    assert.equal(server.sockets[0]?.closed?.code, 4400)
  })
})

describe('a permanent refusal', () => {
  for (const code of [4401, 4403, 4406]) {
    test(`${code} closes, rejects the waiting calls, and warns once`, async () => {
      const warn = mock.method(console, 'warn', () => undefined)
      try {
        server.mood = { code, reason: 'server 9, page webipc.v1' }
        start()
        const events: StateEvent[] = []
        ipcRenderer.connection.on('state', (event: StateEvent) => { events.push(event) })
        const call = ipcRenderer.invoke('a')
        const reason = code === 4401 ? 'unauthorized' : 'server 9, page webipc.v1'
        await assert.rejects(call, { name: 'ResetError', code: 'not-sent', reason })
        assert.deepEqual(events, [{ state: 'closed', reason: 'server 9, page webipc.v1', code }])
        const { connection } = ipcRenderer
        assert.deepEqual([connection.state, connection.reason, connection.code], Object.values(events[0] ?? {}))
        const unauthorized = { name: 'UnauthorizedError', code: 'unauthorized', closeCode: code }
        assert.throws(() => { ipcRenderer.send('a') }, unauthorized)
        assert.throws(() => { ipcRenderer.sendSync('a') }, unauthorized)
        await assert.rejects(ipcRenderer.invoke('a'), unauthorized)
        await quiet()
        assert.equal(server.sockets.length, 1)
        assert.equal(warn.mock.callCount(), 1)
        assert.match(String(warn.mock.calls[0]?.arguments[0]), /refuses this page.*server 9, page webipc\.v1/)
      } finally {
        warn.mock.restore()
      }
    })
  }
  test('another user on the page: what waits and what may have run is rejected with that reason', async () => {
    const warn = mock.method(console, 'warn', () => undefined)
    try {
      await started({ random: () => 1 })
      const ran = assert.rejects(ipcRenderer.invoke('no answer'), { code: 'unknown-outcome', reason: 'another-user' })
      await until(() => server.log.length === 1)
      server.mood = { code: 4401, reason: 'another-user' }
      server.socket.cut()
      await until(() => ipcRenderer.connection.state === 'resuming')
      assert.equal(ipcRenderer.connection.code, 1006)
      await Promise.all([ran, assert.rejects(ipcRenderer.invoke('a'), { code: 'not-sent', reason: 'another-user' })])
      const { state, code, reason } = ipcRenderer.connection
      assert.deepEqual([state, code, reason], ['closed', 4401, 'another-user'])
    } finally {
      warn.mock.restore()
    }
  })
  test('so is a browser that refuses to create the socket', () => {
    const warn = mock.method(console, 'warn', () => undefined)
    try {
      start({ WebSocket: function () { throw new Error('SecurityError: mixed content') } as never })
      assert.equal(ipcRenderer.connection.state, 'closed')
      assert.match(String(warn.mock.calls[0]?.arguments[0]), /mixed content/)
    } finally {
      warn.mock.restore()
    }
  })
})

describe('close', () => {
  test('sends a bye after all messages, and closes with 1000', async () => {
    await started()
    ipcRenderer.send('last')
    const call = assert.rejects(ipcRenderer.invoke('no answer'), { code: 'unknown-outcome' })
    ipcRenderer.connection.close()
    ipcRenderer.connection.close()
    await call
    await until(() => server.socket.frames.length === 4)
    assert.deepEqual(server.log.map((message) => message.channel), ['last', 'no answer'])
    assert.deepEqual(server.socket.frames.at(-1)?.control, ['bye', 2])
    assert.equal(server.socket.closed?.code, 1000)
    assert.deepEqual(states, ['open', 'closed: closed by the page'])
  })
  test('waiting messages are not dispatched', async () => {
    await started()
    const got: unknown[] = []
    ipcRenderer.on('n', (_event, value: unknown) => {
      got.push(value)
      ipcRenderer.connection.close()
    })
    server.send('n', 1)
    server.send('n', 2)
    await until(() => got.length > 0)
    await quiet()
    assert.deepEqual(got, [1])
  })
  test('while it waits for a socket: no socket is opened afterwards', async () => {
    server.mood = { code: 1006, reason: '' }
    start({ random: () => 1 })
    await until(() => server.sockets.length === 1)
    await quiet()
    ipcRenderer.connection.close()
    ipcRenderer.connection.wake(true)
    await quiet()
    assert.equal(server.sockets.length, 1)
  })
})

/** Lets mocked time pass in steps, so that a timer that is started by another one runs at its own time. */
function pass(context: TestContext, milliseconds: number): void {
  for (let left = milliseconds; left >= 0; left -= 500) context.mock.timers.tick(Math.min(left, 500))
}

describe('acknowledgements and heartbeat', () => {
  const bare = (): number => server.socket.frames.filter((frame) => frame.isBare).length

  test('64 messages are acknowledged at once, by one frame', async () => {
    await started()
    for (let count = 0; count < 130; count++) server.send('n', count)
    await until(() => server.link.kept.size < 10)
    assert.equal(bare(), 2)
  })
  test('fewer are acknowledged after a delay', async () => {
    await started({ limits: { ...DEFAULT_LIMITS, ackMs: 5 } })
    server.send('n')
    await until(() => server.link.kept.size === 0)
    assert.equal(bare(), 1)
  })
  test('messages of the page acknowledge too', async () => {
    await started()
    const got: unknown[] = []
    ipcRenderer.on('n', (_event, value: unknown) => got.push(value))
    for (let count = 0; count < 10; count++) server.send('n', count)
    await until(() => got.length === 10)
    assert.equal(server.link.kept.size, 10)
    ipcRenderer.send('a')
    await until(() => server.link.kept.size === 0)
    assert.equal(bare(), 0)
  })
  test('a bare frame is answered if the page has sent nothing lately', async () => {
    await started({ limits: { ...DEFAULT_LIMITS, answerPageMs: 0 } })
    server.bare()
    await until(() => bare() === 1)
  })
  test('and not if it has just sent something', async () => {
    await started()
    server.bare()
    await quiet()
    assert.equal(bare(), 0)
  })
  test('a silent server is probed, and the socket stays if it answers', async () => {
    await started({ limits: { ...DEFAULT_LIMITS, silenceMs: 5, probeMs: 100 } })
    await until(() => bare() === 1)
    server.bare()
    await until(() => bare() === 2)
    assert.equal(server.sockets.length, 1)
  })
  test('without an answer the socket is dropped, and the link resumes', async () => {
    await started({ limits: { ...DEFAULT_LIMITS, silenceMs: 5, probeMs: 5 } })
    server.socket.deaf = true
    ipcRenderer.send('n', 1)
    await until(() => server.sockets.length === 2)
    assert.ok(server.sockets[0]?.closed)
    await until(() => server.sent('n').length === 1)
  })
  test('a page that wakes probes', async () => {
    await started({ limits: { ...DEFAULT_LIMITS, answerServerMs: 0 } })
    ipcRenderer.connection.wake(false)
    ipcRenderer.connection.wake(false)
    await until(() => bare() === 1)
    await quiet()
    assert.equal(bare(), 1)
  })
  test('a socket that still sends is not dropped, and soon behind its last byte it is', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1 })
    await started()
    server.socket.deaf = true
    server.socket.bufferedAmount = 100_000
    pass(context, 40_000)
    for (; server.socket.bufferedAmount > 0; server.socket.bufferedAmount -= 10_000) pass(context, 20_000)
    pass(context, 4_999)
    assert.equal(server.sockets[0]?.closed, undefined)
    // It is looked at each 5 s.
    pass(context, 6_000)
    assert.ok(server.sockets[0]?.closed)
  })
  test('a page that wakes gives 15 s to a socket with something large under way', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1 })
    await started()
    server.socket.deaf = true
    ipcRenderer.send('n', 'x'.repeat(20_000))
    pass(context, 2_000)
    ipcRenderer.connection.wake(false)
    pass(context, 14_999)
    assert.equal(server.sockets[0]?.closed, undefined)
    pass(context, 1)
    assert.ok(server.sockets[0]?.closed)
  })
  test('behind a socket that was dropped the next one has twice the time, until a frame comes', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1 })
    await started()
    for (const [index, patience] of [1, 2, 4, 8, 16, 16].entries()) {
      server.socket.deaf = true
      pass(context, patience * 45_000 - 1)
      assert.equal(server.sockets[index]?.closed, undefined, String(patience))
      pass(context, 1)
      assert.ok(server.sockets[index]?.closed)
      pass(context, 0)
      await until(() => server.sockets.length === index + 2 && isOpen())
    }
    server.bare()
    await quiet()
    server.socket.deaf = true
    pass(context, 45_500)
    assert.ok(server.sockets[6]?.closed)
  })
  test('when the network returns, the next socket is made at once', async () => {
    await started({ random: () => 1 })
    server.mood = { code: 1006, reason: '' }
    server.socket.cut()
    await until(() => server.sockets.length === 2)
    await quiet()
    server.mood = 'welcome'
    assert.equal(server.sockets.length, 2)
    ipcRenderer.connection.wake(true)
    assert.equal(server.sockets.length, 3)
    await until(isOpen)
  })
})

describe('the window', () => {
  const TEXT = 'x'.repeat(10_000)

  test('what is beyond it stays in the link until the server acknowledges, then leaves in order', async () => {
    await started()
    for (let count = 0; count < 300; count++) ipcRenderer.send('n', count, TEXT)
    await quiet()
    const first = server.sent('n').length
    assert.ok(first >= 54 && first < 64, String(first))
    server.bare()
    await until(() => server.sent('n').length > first)
    while (server.sent('n').length < 300) {
      server.bare()
      await quiet()
    }
    assert.deepEqual(server.sent('n'), numbers(300).map(([count]) => [count, TEXT]))
  })
  test('a page that goes sends what is beyond it', async () => {
    await started()
    for (let count = 0; count < 300; count++) ipcRenderer.send('n', count, TEXT)
    ipcRenderer.connection.close()
    await until(() => server.sent('n').length === 300)
  })
})
