/** `sendSync` in the page: the content of a request, its retries, and a call that is given up. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { CloneError, FeatureError, LimitError, ResetError, UnansweredError } from '../../src/core/errors.js'
import { ipcRenderer, isOpen, newServer, resets, server, start } from '../support/scripted-page.js'
import { requestClass, type Asked, type SyncAnswer } from '../support/scripted-request.js'
import { quiet, ScriptedServer, until } from '../support/scripted-server.js'

let asked: Asked[]
let isWindow: boolean

/** The received calls, by channel, and the values of `send`. */
const heard = (): unknown[] => server.log.map(({ kind, channel, value }) => [kind, channel, ...value as unknown[]])

/** What answers instead of a server. */
const NOTHINGS = {
  'a network that breaks': 'broken',
  'a proxy that speaks': { status: 502, text: '<html>Bad gateway' },
  'a proxy that says yes': { status: 200, text: '<html>Log in' },
  'a server without such an endpoint': { status: 404, text: '{"detail":"Not Found"}' },
  'a gateway whose server is away': { status: 503, text: '{"code":503,"reason":"no upstream"}' },
  'a gateway that counts requests': { status: 429, text: '{"code":"429","message":"slow down"}' },
  'a gateway that wants a login': { status: 401, text: '{"code":4401}' },
  'a gateway that is content': { status: 200, text: '{"code":0,"data":{}}' },
  'a gateway with a list': { status: 500, text: '[]' },
  'a gateway with nothing': { status: 500, text: 'null' },
} as const

beforeEach(() => {
  newServer()
  asked = []
  isWindow = true
  const answer = (body: Uint8Array<ArrayBuffer>, url: string): SyncAnswer => server.sync(body, url)
  Object.assign(globalThis, { XMLHttpRequest: requestClass(asked, answer, () => isWindow) })
  start()
})
afterEach(() => {
  ipcRenderer.connection.close()
  Reflect.deleteProperty(globalThis, 'XMLHttpRequest')
})

describe('a call', () => {
  test('returns the answer, by one blocking request with the cookies of the browser', async () => {
    await until(isOpen)
    assert.deepEqual(ipcRenderer.sendSync('echo', 1, new Map([[1, undefined]])), [1, new Map([[1, undefined]])])
    assert.deepEqual(asked, [{
      method: 'POST',
      url: 'http://127.0.0.1/ipc/sync',
      async: false,
      headers: { 'Content-Type': 'application/vnd.webipc.v1' },
      withCredentials: true,
      timeout: 0,
    }])
    assert.deepEqual(server.requests[0]?.hello.attempt, 0)
  })

  test('carries all messages sent before it, in order, and the socket repeats none', async () => {
    await until(isOpen)
    ipcRenderer.send('n', 1)
    void ipcRenderer.invoke('echo', 2)
    ipcRenderer.sendSync('echo', 3)
    ipcRenderer.send('n', 4)
    ipcRenderer.sendSync('echo', 5)
    assert.deepEqual(heard(), [
      ['send', 'n', 1], ['invoke', 'echo', 2], ['sync', 'echo', 3], ['send', 'n', 4], ['sync', 'echo', 5],
    ])
    await quiet()
    assert.equal(heard().length, 5)
    assert.deepEqual(server.requests.map(({ awaited }) => awaited), [3, 5])
  })

  test('is not sent by the socket as well', async () => {
    await until(isOpen)
    ipcRenderer.sendSync('echo', new Uint8Array(100_000))
    await quiet()
    const sent = server.socket.frames.flatMap((frame) => frame.messages.map(({ fields: [kind] }) => kind))
    assert.deepEqual(sent, ['sync-done'])
  })

  test('works before the first socket, on the link of that socket', async () => {
    assert.deepEqual(ipcRenderer.sendSync('echo', 'early'), ['early'])
    assert.equal(ipcRenderer.connection.state, 'connecting')
    assert.equal(server.requests[0]?.hello.fresh, true)
    await until(isOpen)
    assert.equal(server.hellos[0]?.link, server.requests[0].hello.link)
    assert.deepEqual(ipcRenderer.sendSync('echo', 'next'), ['next'])
  })

  test('large values and bytes of every kind cross both ways', async () => {
    await until(isOpen)
    const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256)
    const [back, text] = ipcRenderer.sendSync('echo', bytes, 'é\u{1f600}') as [Uint8Array, string]
    assert.deepEqual([back, text], [bytes, 'é\u{1f600}'])
  })

  test('sends sync-done, so that the server drops the answer', async () => {
    await until(isOpen)
    ipcRenderer.sendSync('echo')
    await until(() => server.others.length === 1)
    assert.deepEqual(server.others.map((envelope) => envelope.kind === 'sync-done' && envelope.id), [1])
  })

  test('what the server sends meanwhile is dispatched when the page\'s task has ended', async () => {
    await until(isOpen)
    const order: unknown[] = []
    ipcRenderer.on('pushed', (_event, value: unknown) => order.push(value))
    server.handlers['push'] = () => {
      // Like an engine that dispatches a socket's events while it blocks.
      server.post('pushed', 'pushed')
      server.socket.onmessage?.({ data: server.link.takeFrame() } as never)
      return 'answer'
    }
    order.push(ipcRenderer.sendSync('push'))
    order.push('task ends')
    await until(() => order.length === 3)
    assert.deepEqual(order, ['answer', 'task ends', 'pushed'])
  })

  test('an error of the server is thrown, with its further fields', async () => {
    await until(isOpen)
    server.handlers['late'] = () => { throw Object.assign(new Error('too late'), { code: 'x' }) }
    assert.throws(() => ipcRenderer.sendSync('late'), { name: 'Error', message: 'too late' })
  })

  test('wrong arguments throw at once, without a request', async () => {
    await until(isOpen)
    assert.throws(() => ipcRenderer.sendSync(undefined as never), {
      name: 'TypeError', message: 'Error processing argument at index 1, conversion failure from undefined',
    })
    assert.throws(() => ipcRenderer.sendSync('a', () => 1), CloneError)
    assert.throws(() => ipcRenderer.sendSync('a'.repeat(4_097)), LimitError)
    assert.deepEqual([asked, heard()], [[], []])
    ipcRenderer.connection.close()
    assert.throws(() => ipcRenderer.sendSync('a'), /IPC method called after context was released$/)
  })

  test('needs no this', () => {
    const { sendSync } = ipcRenderer
    assert.deepEqual(sendSync('echo', 1), [1])
  })

  test('a server that is too old throws at the call', async () => {
    server.features = ['ports']
    await until(isOpen)
    assert.throws(() => ipcRenderer.sendSync('echo'), FeatureError)
    assert.deepEqual(heard(), [])
  })
})

describe('a request that nothing answers', () => {
  for (const [what, nothing] of Object.entries(NOTHINGS)) {
    test(`${what}: retries, and the call runs once`, async () => {
      await until(isOpen)
      server.refusals.push(nothing, nothing)
      assert.deepEqual(ipcRenderer.sendSync('echo', 1), [1])
      assert.deepEqual([asked.length, heard()], [3, [['sync', 'echo', 1]]])
    })
  }

  test('is tried three times; then the call is given up, and later messages continue', async () => {
    await until(isOpen)
    server.refusals.push('broken', 'broken', 'broken')
    assert.throws(() => ipcRenderer.sendSync('echo', 1), { name: 'UnansweredError', code: 'unknown-outcome' })
    ipcRenderer.send('n', 2)
    await until(() => heard().length === 1)
    await quiet()
    assert.deepEqual(heard(), [['send', 'n', 2]])
    assert.deepEqual(server.others.map(({ kind }) => kind), ['void'])
    assert.deepEqual([ipcRenderer.sendSync('echo', 3), resets], [[3], []])
  })

  test('is given up by a worker ten seconds after the server would have answered, and not repeated', async () => {
    server.syncMs = 50_000
    await until(isOpen)
    isWindow = false
    server.refusals.push('timeout')
    assert.throws(() => ipcRenderer.sendSync('echo'), UnansweredError)
    assert.deepEqual(asked.map(({ timeout }) => timeout), [60_000])
    assert.deepEqual(ipcRenderer.sendSync('echo', 1), [1])
  })

  test('is given up after forty seconds if the server does not tell its limit', async () => {
    await until(isOpen)
    isWindow = false
    ipcRenderer.sendSync('echo')
    assert.deepEqual(asked.map(({ timeout }) => timeout), [40_000])
  })

  test('a lost answer is kept, and the next request gets it', async () => {
    await until(isOpen)
    let calls = 0
    server.handlers['count'] = () => ++calls
    let lost = 0
    const answer = mock.method(server, 'sync', (body: Uint8Array<ArrayBuffer>) => {
      const answered = ScriptedServer.prototype.sync.call(server, body)
      if (lost++ < 2) throw new Error('NetworkError: on its way back')
      return answered
    })
    assert.equal(ipcRenderer.sendSync('count'), 1)
    assert.deepEqual([answer.mock.callCount(), calls], [3, 1])
  })

  test('without XMLHttpRequest, or without a server, the call throws', async () => {
    await until(isOpen)
    Reflect.deleteProperty(globalThis, 'XMLHttpRequest')
    assert.throws(() => ipcRenderer.sendSync('echo'), UnansweredError)
  })
})

describe('a call before the page has a socket', () => {
  const beacon = 'http://127.0.0.1/ipc/beacon'
  const sync = 'http://127.0.0.1/ipc/sync'
  const paths = (): string[] => asked.map(({ url }) => url)

  for (const [what, nothing] of Object.entries(NOTHINGS)) {
    test(`asks first whether a server answers, and sends nothing to ${what}`, async () => {
      server.refusals.push(nothing, nothing, nothing)
      ipcRenderer.send('n', 1)
      const earlier = ipcRenderer.invoke('echo', 2)
      assert.throws(() => ipcRenderer.sendSync('echo', 3), UnansweredError)
      assert.deepEqual(paths(), [beacon, beacon, beacon])
      assert.deepEqual(await earlier, [2])
      assert.deepEqual(heard(), [['send', 'n', 1], ['invoke', 'echo', 2]])
      assert.deepEqual(server.hellos.map(({ fresh }) => fresh), [true])
    })
  }

  test('is refused as any other: the answer to the question is not read', () => {
    const refusal = { status: 409, text: '{"code":4410,"reason":"ended"}' }
    server.refusals.push(refusal, refusal)
    assert.throws(() => ipcRenderer.sendSync('echo'), { name: 'ResetError', reason: 'ended' })
    assert.deepEqual(paths(), [beacon, sync])
  })

  test('that fails leaves earlier calls not-sent', async () => {
    await until(isOpen)
    server.mood = { code: 1006, reason: '' }
    server.socket.cut()
    await until(() => ipcRenderer.connection.state === 'resuming')
    const earlier = assert.rejects(ipcRenderer.invoke('echo', 1), { code: 'not-sent', reason: 'another-process' })
    server.refusals.push('broken', 'broken', 'broken')
    assert.throws(() => ipcRenderer.sendSync('echo', 2), UnansweredError)
    server.forget()
    server.mood = 'welcome'
    await earlier
    await until(() => resets.length === 1)
    assert.deepEqual(resets, [{ reason: 'another-process', notSent: 1, unknownOutcome: 0, givenUp: 2 }])
  })

  test('asks once: an answer proves that the server is there, for a second', () => {
    assert.deepEqual(ipcRenderer.sendSync('echo', 1), [1])
    assert.deepEqual(ipcRenderer.sendSync('echo', 2), [2])
    assert.deepEqual(paths(), [beacon, sync, sync])
    assert.deepEqual(server.introduced.map(({ fresh, last }) => [fresh, last]), [[true, 1]])
    mock.timers.enable({ apis: ['Date'], now: Date.now() + 1_500 })
    try {
      ipcRenderer.send('n', 3)
      assert.deepEqual(ipcRenderer.sendSync('echo', 4), [4])
      assert.deepEqual(paths().slice(3), [beacon, sync])
    } finally {
      mock.timers.reset()
    }
  })
})

describe('a refusal', () => {
  const refusals = {
    'of a link that is over': [409, 4410, 'ended', 'ended'],
    'of a link of another process': [409, 4410, 'another-process', 'another-process'],
    'of a link that was reset': [409, 4410, 'overflow', 'overflow'],
    'of what is wrong': [400, 4400, 'expected something else', 'protocol'],
    'of too large a body': [413, 4413, 'at most 1 byte', 'protocol'],
  } as const
  for (const [what, [status, code, reason, told]] of Object.entries(refusals)) {
    test(`${what} throws, and ends the link after the page's task`, async () => {
      await until(isOpen)
      const first = server.hellos[0]?.link
      server.refusals.push({ status, text: JSON.stringify({ code, reason }) })
      const earlier = ipcRenderer.invoke('no answer').catch((error: unknown) => error)
      assert.throws(() => ipcRenderer.sendSync('echo'), { name: 'ResetError', reason: told })
      assert.deepEqual([asked.length, resets, isOpen()], [1, [], true])
      await until(() => resets.length === 1 && isOpen())
      // The earlier call, and the one that has thrown.
      const { reason: said, notSent, unknownOutcome } = resets[0] ?? {}
      assert.deepEqual([said, notSent, unknownOutcome], [told, 0, 2])
      assert.ok((await earlier as ResetError).reason === told)
      assert.notEqual(server.hellos.at(-1)?.link, first)
      assert.deepEqual(ipcRenderer.sendSync('echo', 'next'), ['next'])
    })
  }

  test('a permanent one closes the connection', async () => {
    const warn = mock.method(console, 'warn', () => undefined)
    try {
      await until(isOpen)
      server.refusals.push({ status: 403, text: '{"code":4403,"reason":"origin is not allowed"}' })
      assert.throws(() => ipcRenderer.sendSync('echo'), ResetError)
      await until(() => ipcRenderer.connection.state === 'closed')
    } finally {
      warn.mock.restore()
    }
  })

  test('a temporary one leaves the link unchanged', async () => {
    await until(isOpen)
    server.refusals.push({ status: 503, text: '{"code":4503,"reason":"the server is full"}' })
    assert.throws(() => ipcRenderer.sendSync('echo'), ResetError)
    await until(() => server.sockets.length === 2 && isOpen())
    assert.deepEqual([resets, ipcRenderer.sendSync('echo', 1)], [[], [1]])
    server.socket.cut(4410, 'ended')
    await until(() => resets.length === 1)
    assert.deepEqual(resets, [{ reason: 'ended', notSent: 0, unknownOutcome: 0, givenUp: 1 }])
  })

  test('an invalid answer ends the link', async () => {
    await until(isOpen)
    server.refusals.push({ status: 200, text: '\x01\x02\x00\x00\x00[]garbage' })
    assert.throws(() => ipcRenderer.sendSync('echo'), ResetError)
    await until(() => resets.length === 1)
    assert.equal(resets[0]?.reason, 'protocol')
  })
})
