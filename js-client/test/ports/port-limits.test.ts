/** Messages that a port cannot carry: at the browser's own ports, and at those that the client hands to the page. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { encode } from '../../src/core/clone/index.js'
import { decodeValue, parse, type Envelope, type Port } from '../../src/core/envelope.js'
import { refuseMore } from '../../src/core/errors.js'
import { decodeFrame, encodeFrame, type EncodedMessage } from '../../src/core/frame.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { LinkPorts } from '../../src/ports/link-ports.js'
import { quiet, until } from '../support/scripted-server.js'

let ports: LinkPorts
/** The sent messages. */
let sent: Envelope[]
/** Channels that a test has opened: an open port keeps Node alive. */
let channels: MessageChannel[]
let deep: unknown = 0
for (let level = 0; level < 600; level += 1) deep = [deep]

function post(message: EncodedMessage): void {
  sent.push(...parse(decodeFrame(encodeFrame(1, 0, [message])).messages))
}

function channel(): MessageChannel {
  const made = new MessageChannel()
  channels.push(made)
  return made
}

function give(...transfer: MessagePort[]): void {
  ports.send(['post', 'channel'], encode(null), transfer)
}

const kinds = (): string[] => sent.map(({ kind }) => kind)
const said = (port: number): Port[] =>
  sent.filter((message): message is Port => message.kind === 'port' && message.port === port)
const valuesOf = (port: number): unknown[] => said(port).map((message) => decodeValue(message))

beforeEach(() => {
  ports = new LinkPorts(DEFAULT_LIMITS, post, () => Infinity)
  sent = []
  channels = []
})
afterEach(() => {
  ports.end()
  for (const { port1, port2 } of channels) for (const port of [port1, port2]) port.close()
})

describe('a message that is too much is null for the server, and the port stays', () => {
  const reported: unknown[] = []
  const globals = globalThis as { reportError?: unknown }
  let warn: ReturnType<typeof mock.method>

  beforeEach(() => {
    reported.length = 0
    globals.reportError = (error: unknown) => reported.push(error)
    warn = mock.method(console, 'warn', () => undefined)
  })
  afterEach(() => {
    delete globals.reportError
    warn.mock.restore()
  })

  for (const [what, value, count, warned] of [
    ['a deep one', deep, 0, 1],
    ['a large one', 'x'.repeat(2_000), 0, 0],
    ['one with many ports', 'x', 3, 0],
  ] as const) test(what, async () => {
    ports = new LinkPorts({ ...DEFAULT_LIMITS, openPorts: 3 }, (message) => {
      refuseMore('message_bytes', message.size, 1_000)
      post(message)
    }, () => Infinity)
    const outer = channel()
    give(outer.port2)
    const given = Array.from({ length: count }, channel)
    let closes = 0
    for (const { port1 } of given) port1.addEventListener('close', () => { closes += 1 })
    outer.port1.postMessage(value, given.map(({ port2 }) => port2))
    outer.port1.postMessage('next')
    await until(() => said(1).length === 2 && closes === count)
    assert.deepEqual([valuesOf(1), ports.size], [[null, 'next'], 1])
    assert.deepEqual([warn.mock.callCount(), reported.length], [warned, 1 - warned])
  })
})

describe('a message that is too much throws at a port that the page was given, and the port stays', () => {
  for (const [what, value, limit] of [
    ['a deep one', deep, 'depth'],
    ['a large one', 'x'.repeat(1_000), 'message_bytes'],
  ] as const) test(what, async () => {
    ports = new LinkPorts(DEFAULT_LIMITS, post, () => 1_000)
    const [port] = ports.handOut([2])
    assert.ok(port)
    assert.throws(() => { port.postMessage(value) }, { name: 'LimitError', limit })
    const inner = channel()
    port.postMessage('x'.repeat(900), [inner.port2])
    await until(() => said(2).length === 1)
    assert.deepEqual([valuesOf(2), said(2)[0]?.ports, ports.size], [['x'.repeat(900)], [1], 2])
  })

  test('what cannot be cloned is up to the engine', async () => {
    const warn = mock.method(console, 'warn', () => undefined)
    try {
      const [port] = ports.handOut([2])
      assert.ok(port)
      assert.throws(() => { port.postMessage(() => 0) }, { name: 'DataCloneError' })
      port.postMessage(new SharedArrayBuffer(1))
      await until(() => said(2).length === 1)
      assert.deepEqual(valuesOf(2), [null])
    } finally {
      warn.mock.restore()
    }
  })

  test('in a port that was closed, or given back, it is as before', async () => {
    const [port, back] = ports.handOut([2, 4])
    assert.ok(port && back)
    port.close()
    port.postMessage('into nothing')
    give(back)
    back.postMessage('into nothing')
    await until(() => sent.length === 2)
    await quiet()
    assert.deepEqual(kinds(), ['post', 'port-close'])
  })
})
