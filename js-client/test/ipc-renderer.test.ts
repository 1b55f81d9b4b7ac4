/** The API of `ipcRenderer`: Electron's behaviour and texts, over a stable connection. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { CloneError, LimitError } from '../src/core/errors.js'
import type { IpcRendererEvent } from '../src/types/electron.js'
import { ipcRenderer, isOpen, newServer, server, start, started } from './support/scripted-page.js'
import { until } from './support/scripted-server.js'

beforeEach(() => {
  newServer()
  start()
})
afterEach(() => { ipcRenderer.connection.close() })

describe('send', () => {
  test('the first message of a task leaves at once, the rest in one frame at its end; all in order', async () => {
    ipcRenderer.send('a', 1, { two: [2] })
    ipcRenderer.send('b')
    await until(() => server.log.length === 2)
    ipcRenderer.send('a', 3)
    ipcRenderer.send('a', 4)
    ipcRenderer.send('a', 5)
    await until(() => server.log.length === 5)
    assert.deepEqual(server.log, [
      { kind: 'send', channel: 'a', value: [1, { two: [2] }] },
      { kind: 'send', channel: 'b', value: [] },
      { kind: 'send', channel: 'a', value: [3] },
      { kind: 'send', channel: 'a', value: [4] },
      { kind: 'send', channel: 'a', value: [5] },
    ])
    // Before the connection there is no socket that could take the first one.
    assert.deepEqual(server.socket.frames.map((frame) => frame.messages.length), [0, 2, 1, 2])
  })
  test('a message has left when `send` returns, so that a dialog does not hold it back', async () => {
    const left: unknown[] = []
    ipcRenderer.connection.close()
    await started({ WebSocket: class extends server.WebSocket {
      override send(data: string): void {
        left.push(data)
        super.send(data)
      }
    } })
    left.length = 0
    ipcRenderer.send('a', 1)
    assert.deepEqual(left, ['[1,0,["send","a",[1]]]'])
    ipcRenderer.send('a', 2)
    assert.equal(left.length, 1)
    await until(() => server.log.length === 2)
    ipcRenderer.send('a', 3)
    assert.deepEqual(left.slice(1), ['[2,0,["send","a",[2]]]', '[3,0,["send","a",[3]]]'])
  })
  test('what the callers of several results send next leaves in one frame', async () => {
    await until(isOpen)
    for (let count = 0; count < 3; count++) void ipcRenderer.invoke('later').then(() => { ipcRenderer.send('next') })
    await until(() => server.log.length === 3)
    server.say('["result",1,1]', '["result",3,1]', '["result",5,1]')
    await until(() => server.log.length === 6)
    // The hello, the first call, the other two, and what follows their results.
    assert.deepEqual(server.socket.frames.map((frame) => frame.messages.length), [0, 1, 2, 3])
  })
  test('a thousand in one turn leave in frames of 128', async () => {
    for (let count = 0; count < 1000; count++) ipcRenderer.send('n', count)
    await until(() => server.log.length === 1000)
    assert.deepEqual(server.sent('n'), Array.from({ length: 1000 }, (_, count) => [count]))
    assert.equal(server.socket.frames.filter((frame) => frame.messages.length > 0).length, 8)
  })
  test('arguments are copied at the call, and what they share stays shared', async () => {
    const shared = { value: 1 }
    ipcRenderer.send('a', shared, shared)
    shared.value = 2
    await until(() => server.log.length === 1)
    const [first, second] = server.sent('a')[0] as [unknown, unknown]
    assert.deepEqual(first, { value: 1 })
    assert.equal(first, second)
  })
  test('returns undefined, and any string is a channel', async () => {
    for (const channel of ['', 'ping-æøåü', '__proto__']) {
      const send: (channel: string) => unknown = ipcRenderer.send
      assert.equal(send(channel), undefined)
    }
    await until(() => server.log.length === 3)
    assert.deepEqual(server.log.map((message) => message.channel), ['', 'ping-æøåü', '__proto__'])
  })
  test('a channel that is no string is refused with the words of Electron', () => {
    for (const channel of [undefined, null, 5]) {
      assert.throws(() => { ipcRenderer.send(channel as never) }, {
        name: 'TypeError', message: `Error processing argument at index 1, conversion failure from ${String(channel)}`,
      })
    }
  })
  test('what cannot be cloned is refused at the call, and nothing is sent', async () => {
    assert.throws(() => { ipcRenderer.send('a', 1, { f: () => 1 }) }, (error) =>
      error instanceof CloneError && error.message.startsWith('An object could not be cloned. args[1].f'))
    ipcRenderer.send('b')
    await until(() => server.log.length === 1)
    assert.deepEqual(server.log.map((message) => message.channel), ['b'])
  })
  test('too long a channel and too large a message are refused at the call', () => {
    assert.throws(() => { ipcRenderer.send('c'.repeat(4097)) }, LimitError)
    assert.throws(() => { ipcRenderer.send('c', 'x'.repeat(40_000_000)) }, LimitError)
  })
  test('a smaller limit in the welcome is applied by the page', async () => {
    server.messageBytes = 1_000
    await until(() => ipcRenderer.connection.state === 'open')
    assert.throws(() => { ipcRenderer.send('a', 'x'.repeat(1_000)) }, { code: 'limit', allowed: 1_000 })
    await assert.rejects(ipcRenderer.invoke('a', 'x'.repeat(1_000)), { code: 'limit' })
  })
  test('the send methods need no this, and are own properties', async () => {
    const { send, invoke } = ipcRenderer
    send('a', 1)
    assert.deepEqual(await invoke('echo', 2), [2])
    assert.ok(Object.keys(ipcRenderer).includes('send'))
  })
})

describe('received messages', () => {
  /** Collects what the listeners of a channel were called with. */
  function calls(channel: string): unknown[][] {
    const all: unknown[][] = []
    ipcRenderer.on(channel, (...args: unknown[]) => all.push(args))
    return all
  }
  const connected = (): Promise<void> => until(() => ipcRenderer.connection.state === 'open')

  test('listeners get a plain event and then each argument', async () => {
    const got = calls('a')
    await connected()
    server.send('a', 1, new Map([[1, 2]]))
    server.send('a')
    await until(() => got.length === 2)
    const event = got[0]?.[0] as IpcRendererEvent
    assert.deepEqual(Object.keys(event), ['sender', 'ports'])
    assert.equal(event.sender, ipcRenderer)
    assert.deepEqual(event.ports, [])
    assert.deepEqual(got.map((args) => args.slice(1)), [[1, new Map([[1, 2]])], []])
  })
  test('ipcRenderer.on is not used for internals', async () => {
    assert.deepEqual(ipcRenderer.eventNames(), [])
    await connected()
    assert.deepEqual(ipcRenderer.eventNames(), [])
  })
  test('a channel without listeners is dropped', async () => {
    const got = calls('b')
    await connected()
    server.send('a', 1)
    server.send('b', 2)
    await until(() => got.length === 1)
  })
  test('promise jobs of one message run before the next message', async () => {
    const log: string[] = []
    ipcRenderer.on('a', (_event, name: string) => {
      log.push(name)
      void Promise.resolve().then(() => log.push(`${name}'`))
    })
    await connected()
    for (const name of ['1', '2', '3']) server.send('a', name)
    await until(() => log.length === 6)
    assert.deepEqual(log, ['1', "1'", '2', "2'", '3', "3'"])
  })
  test('a result does not overtake what was sent before it', async () => {
    const log: unknown[] = []
    ipcRenderer.on('progress', (_event, done: number) => log.push(done))
    server.handlers['work'] = () => {
      server.send('progress', 1)
      server.send('progress', 2)
      return 'done'
    }
    await connected()
    log.push(await ipcRenderer.invoke('work'))
    assert.deepEqual(log, [1, 2, 'done'])
  })
  test('a listener that throws is an uncaught error of the page, and skips only the rest of its message', async () => {
    const reported: unknown[] = []
    const realm = globalThis as { reportError?: unknown }
    realm.reportError = (error: unknown) => reported.push(error)
    try {
      const log: unknown[] = []
      ipcRenderer.on('a', (_event, value: number) => {
        log.push(value)
        if (value === 1) throw new Error('mine')
      })
      ipcRenderer.on('a', (_event, value: number) => log.push(`second ${value}`))
      await connected()
      server.send('a', 1)
      server.send('a', 2)
      await until(() => log.length === 3)
      assert.deepEqual(log, [1, 2, 'second 2'])
      assert.deepEqual(reported.map(String), ['Error: mine'])
      assert.equal(ipcRenderer.connection.state, 'open')
    } finally {
      delete realm.reportError
    }
  })
  test('values larger than a frame arrive whole, both ways', async () => {
    server.acknowledges = true
    const bytes = new Uint8Array(3_145_729).fill(7)
    const [echoed, text] = await ipcRenderer.invoke('echo', bytes, 'ä'.repeat(1_500_000)) as [Uint8Array, string]
    assert.deepEqual(Buffer.from(echoed).equals(bytes), true)
    assert.equal(text, 'ä'.repeat(1_500_000))
  })
})

describe('invoke', () => {
  test('resolves with what the handler returned', async () => {
    server.handlers['add'] = (a, b) => (a as number) + (b as number)
    server.handlers['nothing'] = () => undefined
    const answers = await Promise.all([ipcRenderer.invoke('add', 1, 2), ipcRenderer.invoke('nothing')])
    assert.deepEqual(answers, [3, undefined])
  })
  test('a thousand at once are each answered with their own result', async () => {
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, count) => ipcRenderer.invoke('echo', count)))
    assert.deepEqual(answers, Array.from({ length: 1000 }, (_, count) => [count]))
  })
  test('rejects with a plain Error, the text of Electron, and what the server told besides', async () => {
    server.handlers['fail'] = () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- the value of `error` is a plain object
      throw { message: 'RangeError: no', detail: 'no', code: 'c', data: 1, reference: 'f', cause: new TypeError('why') }
    }
    const error = await ipcRenderer.invoke('fail').catch((error: unknown) => error) as Error & Record<string, unknown>
    assert.equal(error.message, "Error invoking remote method 'fail': RangeError: no")
    assert.equal(Object.getPrototypeOf(error), Error.prototype)
    assert.deepEqual(Object.fromEntries(Object.entries(error)), { detail: 'no', code: 'c', data: 1, reference: 'f' })
    assert.ok(error.cause instanceof TypeError)
  })
  test('an error has no more properties than were told', async () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the value of `error` is a plain object
    server.handlers['fail'] = () => { throw { message: 'reply was never sent' } }
    const error = await ipcRenderer.invoke('fail').catch((error: unknown) => error) as Error
    assert.equal(error.message, "Error invoking remote method 'fail': reply was never sent")
    assert.deepEqual([Object.keys(error), 'cause' in error], [[], false])
  })
  test('a bad call is a rejection, never an exception', async () => {
    await assert.rejects(ipcRenderer.invoke(undefined as never), {
      name: 'TypeError', message: 'Error processing argument at index 1, conversion failure from undefined',
    })
    await assert.rejects(ipcRenderer.invoke('a', () => 1), CloneError)
    await assert.rejects(ipcRenderer.invoke('c'.repeat(4097)), LimitError)
    await assert.rejects(ipcRenderer.invoke('a', 'x'.repeat(40_000_000)), LimitError)
  })
  test('arguments are copied at the call', async () => {
    const list = [1]
    const answer = ipcRenderer.invoke('echo', list)
    list.push(2)
    assert.deepEqual(await answer, [[1]])
  })
})

describe('after close', () => {
  test('throws an exception', async () => {
    ipcRenderer.connection.close()
    const released = { message: 'IPC method called after context was released' }
    assert.throws(() => { ipcRenderer.send('a') }, released)
    await assert.rejects(ipcRenderer.invoke('a'), released)
  })
})
