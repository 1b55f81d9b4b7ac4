/** The life of a link: its creation, its resumption on the next socket, its reset and the next link (PROTOCOL.md 6). */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { BufferFullError, ResetError } from '../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import {
  ipcRenderer, isOpen, newServer, numbers, resets, server, start, started, states,
} from '../support/scripted-page.js'
import { quiet, until } from '../support/scripted-server.js'

beforeEach(newServer)
afterEach(() => { ipcRenderer.connection.close() })

describe('creation', () => {
  test('the hello names the link, and the welcome the tab', async () => {
    start()
    assert.equal(ipcRenderer.connection.state, 'connecting')
    assert.equal(ipcRenderer.connection.webContentsId, undefined)
    ipcRenderer.send('a')
    await until(isOpen)
    const [hello] = server.hellos
    assert.ok(hello)
    assert.match(hello.link, /^[0-9a-f]{32}$/)
    assert.match(hello.secret, /^[0-9a-f]{32}$/)
    assert.notEqual(hello.link, hello.secret)
    assert.deepEqual([hello.attempt, hello.received, hello.first, hello.fresh], [1, 0, 1, true])
    assert.deepEqual(hello.features, ['ports', 'invoke', 'doubles'])
    assert.equal(ipcRenderer.connection.webContentsId, 7)
    assert.equal(ipcRenderer.connection.debug, false)
    assert.deepEqual(states, ['open'])
    assert.deepEqual([server.socket.url, server.socket.protocol], ['ws://127.0.0.1/ipc/socket', 'webipc.v1'])
    assert.ok(!server.socket.url.includes(hello.secret))
  })
  test('no numbered message is sent before the welcome', async () => {
    server.mood = 'silent'
    start()
    ipcRenderer.send('a')
    await until(() => server.hellos.length === 1)
    await quiet()
    assert.equal(server.socket.frames.length, 1)
  })
  test('a socket that is not welcomed is replaced, and the link stays fresh', async () => {
    server.mood = 'silent'
    start({ limits: { ...DEFAULT_LIMITS, helloMs: 10 } })
    ipcRenderer.send('a')
    await until(() => server.hellos.length === 2)
    server.mood = 'welcome'
    await until(isOpen)
    assert.ok(server.hellos.every((hello) => hello.fresh && hello.link === server.hellos[0]?.link))
    const attempts = server.hellos.map((hello) => hello.attempt)
    // On a slow machine, some time out before they have sent anything.
    assert.deepEqual(attempts, [...new Set(attempts)].sort((a, b) => a - b), 'each has a higher number')
    assert.ok(server.sockets[0]?.closed, 'the first is closed')
  })
  test('without a WebSocket, messages wait within the limits', () => {
    start({ WebSocket: undefined, limits: { ...DEFAULT_LIMITS, keptMessages: 2 } })
    ipcRenderer.send('a')
    ipcRenderer.send('a')
    assert.throws(() => { ipcRenderer.send('a') }, BufferFullError)
    assert.equal(ipcRenderer.connection.state, 'connecting')
  })
})

describe('resume', () => {
  test('a lost socket loses and repeats nothing, in either direction', async () => {
    await started()
    const got: unknown[] = []
    ipcRenderer.on('n', (_event, value: number) => got.push([value]))
    for (let round = 0; round < 5; round++) {
      for (let count = 0; count < 200; count++) {
        ipcRenderer.send('n', round * 200 + count)
        server.send('n', round * 200 + count)
      }
      // Some of these are sent, some received, some acknowledged.
      for (let task = 0; task < round; task++) await new Promise((resolve) => setImmediate(resolve))
      server.socket.cut()
      ipcRenderer.connection.wake(true)
      await until(() => server.hellos.length === round + 2)
    }
    await until(() => server.sent('n').length === 1000 && got.length === 1000)
    assert.deepEqual(server.sent('n'), numbers(1000))
    assert.deepEqual(got, numbers(1000))
    assert.ok(server.hellos.every((hello) => hello.link === server.hellos[0]?.link))
    assert.deepEqual(resets, [])
  })
  test('a welcome that arrives after a later acknowledgement is no gap', async () => {
    await started()
    let heard = 0
    ipcRenderer.on('heard', () => { heard += 1 })
    ipcRenderer.send('n', 0)
    await until(() => server.sent('n').length === 1)
    server.send('heard')
    await until(() => heard === 1)
    server.overtaken = 1
    server.socket.cut()
    ipcRenderer.send('n', 1)
    ipcRenderer.connection.wake(true)
    await until(() => server.sent('n').length === 2)
    assert.deepEqual(server.sent('n'), [[0], [1]])
    assert.deepEqual(resets, [])
    // Another path than that of the lost socket, so no browser delays it.
    assert.equal(server.socket.url, 'ws://127.0.0.1/ipc/socket/2')
  })
  test('an invoke survives, and is run once', async () => {
    await started()
    let runs = 0
    server.handlers['count'] = () => {
      server.socket.cut()
      return ++runs
    }
    assert.equal(await ipcRenderer.invoke('count'), 1)
    assert.deepEqual([runs, states], [1, ['open', 'resuming', 'open']])
  })
  test('the page can send meanwhile', async () => {
    await started()
    server.mood = 'silent'
    server.socket.cut()
    await until(() => ipcRenderer.connection.state === 'resuming')
    ipcRenderer.send('n', 0)
    server.mood = 'welcome'
    server.socket.cut()
    await until(() => server.sent('n').length === 1)
  })
  test('after each of these codes the page reconnects', async () => {
    await started()
    for (const code of [1000, 1001, 1005, 1006, 1011, 1012, 3999, 4408, 4409, 4503]) {
      server.socket.cut(code)
      await until(() => ipcRenderer.connection.state === 'resuming')
      await until(isOpen)
    }
    assert.equal(new Set(server.hellos.map((hello) => hello.link)).size, 1)
  })
  test('the delays grow while no server answers, and restart after a welcome', async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      await started({ random: () => 1 })
      server.mood = { code: 1006, reason: '' }
      server.socket.cut()
      for (const [index, wait] of [100, 200, 400].entries()) {
        await quiet()
        mock.timers.tick(wait - 1)
        assert.equal(server.sockets.length, index + 1)
        if (wait === 400) server.mood = 'welcome'
        mock.timers.tick(1)
        assert.equal(server.sockets.length, index + 2)
      }
      await until(isOpen)
      server.socket.cut()
      await quiet()
      mock.timers.tick(100)
      assert.equal(server.sockets.length, 5)
    } finally {
      mock.timers.reset()
    }
  })
  test('late frames of an earlier socket are ignored', async () => {
    await started({ limits: { ...DEFAULT_LIMITS, silenceMs: 5, probeMs: 5 } })
    const got: unknown[] = []
    ipcRenderer.on('n', (_event, value: unknown) => got.push(value))
    const { socket: old } = server
    old.deaf = true
    await until(() => server.hellos.length >= 2)
    old.deliver('[1,0,["send","n",["late"]]]')
    await until(isOpen)
    server.send('n', 'in time')
    await until(() => got.includes('in time'))
    assert.deepEqual(got, ['in time'])
    assert.deepEqual(resets, [])
  })
})

describe('reset', () => {
  test('the calls are rejected, then the listeners run, and what they send belongs to the new link', async () => {
    await started()
    const log: string[] = []
    ipcRenderer.on('a', (_event, value: string) => log.push(value))
    const handed = ipcRenderer.invoke('no answer').catch((error: unknown) => { log.push((error as ResetError).code) })
    await until(() => server.log.length === 1)
    server.forget()
    server.socket.cut()
    await until(() => ipcRenderer.connection.state === 'resuming')
    const unsent = ipcRenderer.invoke('never left').catch((error: unknown) => { log.push((error as ResetError).code) })
    ipcRenderer.send('given up')
    ipcRenderer.connection.once('reset', () => {
      log.push('reset')
      ipcRenderer.send('new')
    })
    await Promise.all([handed, unsent])
    await until(() => server.sent('new').length === 1)
    assert.deepEqual(log, ['unknown-outcome', 'not-sent', 'reset'])
    assert.deepEqual(resets, [{ reason: 'another-process', notSent: 1, unknownOutcome: 1, givenUp: 3 }])
    assert.deepEqual(server.log.map((message) => message.channel), ['no answer', 'new'])
    assert.deepEqual(states, ['open', 'resuming', 'reset: another-process', 'connecting', 'open'])
    server.send('a', 'listeners stay')
    await until(() => log.includes('listeners stay'))
  })
  test('calls on the new link are answered, and the ports of the old one are closed', async () => {
    await started()
    const { port1, port2 } = new MessageChannel()
    const log: unknown[] = []
    port1.addEventListener('close', () => log.push('close'))
    ipcRenderer.postMessage('port', null, [port2])
    await until(() => server.others.length === 1)
    server.forget()
    server.socket.cut()
    await until(() => resets.length === 1)
    void ipcRenderer.invoke('echo', 'answer').then((answer) => log.push(answer))
    await until(() => log.length === 2)
    assert.deepEqual(log, ['close', ['answer']])
  })
  test('a rejection is a ResetError that names the reason', async () => {
    await started()
    const call = ipcRenderer.invoke('no answer')
    await until(() => server.log.length === 1)
    server.socket.cut(4008)
    await assert.rejects(call, (error) =>
      error instanceof ResetError && error.reason === 'overflow' && error.code === 'unknown-outcome')
  })
  test('messages received before the end are dispatched before the reset is reported', async () => {
    await started()
    const log: unknown[] = []
    const many = Array.from({ length: 500 }, (_, value) => value)
    ipcRenderer.on('n', (_event, value: number) => {
      log.push(value)
      if (value !== 10) return
      // An invalid answer arrives in the middle, then the end of the link, which ends only once.
      const { onmessage, onclose } = server.socket
      onmessage?.({ data: '[502,0,["result",1,1,[["d",[7]]]]]' } as never)
      onclose?.({ code: 4410, reason: '' } as never)
    })
    ipcRenderer.connection.on('reset', () => log.push('reset'))
    server.handlers['last'] = () => {
      for (const value of many) server.post('n', value)
      return 'result'
    }
    log.push(await ipcRenderer.invoke('last'))
    await until(() => resets.length === 1 && isOpen())
    assert.deepEqual(log, [...many, 'result', 'reset'])
    assert.deepEqual(resets, [{ reason: 'ended', notSent: 0, unknownOutcome: 0, givenUp: 0 }])
  })
  test('after each of these codes the page makes a new link', async () => {
    await started()
    const codes = {
      1002: 'protocol', 1009: 'protocol', 4008: 'overflow', 4400: 'protocol', 4410: 'ended', 4413: 'protocol',
    }
    for (const code of Object.keys(codes)) {
      const count = resets.length
      server.socket.cut(Number(code))
      await until(() => resets.length > count && isOpen())
    }
    assert.deepEqual(resets.map((event) => event.reason), Object.values(codes))
    assert.equal(new Set(server.hellos.map((hello) => hello.link)).size, Object.keys(codes).length + 1)
    assert.equal(server.hellos.at(-1)?.attempt, 1)
  })
  test('a listener that throws does not stop the next link', async () => {
    const realm = globalThis as { reportError?: unknown }
    const reported: unknown[] = []
    realm.reportError = (error: unknown) => reported.push(error)
    try {
      await started()
      ipcRenderer.connection.on('state', () => { throw new Error('state') })
      ipcRenderer.connection.on('reset', () => { throw new Error('reset') })
      server.socket.cut(4410)
      await until(() => resets.length === 1 && isOpen())
      assert.deepEqual(reported.map(String), ['Error: state', 'Error: reset', 'Error: state', 'Error: state'])
      ipcRenderer.connection.close()
    } finally {
      delete realm.reportError
    }
  })
  test('a page that never sent a message gets the reset too, when its server has lost it', async () => {
    await started()
    server.send('n', 1)
    await quiet()
    server.forget()
    server.socket.cut()
    await until(() => resets.length === 1 && isOpen())
    assert.deepEqual(server.hellos.map((hello) => hello.fresh), [true, false, true])
    assert.deepEqual(server.hellos.map((hello) => hello.process), [undefined, '1', '1'])
  })
  test('a close before the reset is reported rejects the waiting calls', async () => {
    await started()
    const call = assert.rejects(ipcRenderer.invoke('no answer'), { code: 'unknown-outcome' })
    await until(() => server.log.length === 1)
    ipcRenderer.connection.on('state', () => { ipcRenderer.connection.close() })
    server.socket.cut(4410)
    await call
    assert.equal(resets.length, 0)
  })
  test('a listener may close', async () => {
    await started()
    ipcRenderer.connection.on('reset', () => { ipcRenderer.connection.close() })
    server.socket.cut(4410)
    await until(() => ipcRenderer.connection.state === 'closed')
    await quiet()
    assert.equal(server.sockets.length, 1)
  })
})
