/** A port that the page receives: its messages and events, and its close at the client's end. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { CLOSED, HandedPort, takeOver } from '../../src/ports/handed-port.js'
import { quiet, until } from '../support/scripted-server.js'

let handed: HandedPort
/** Messages and events at the client's end. */
let inner: unknown[]
/** Messages and events at the page's end. */
let heard: unknown[]

function listen(port: MessagePort): void {
  port.onmessage = ({ data }) => heard.push(data)
  port.addEventListener('close', () => { if (heard.at(-1) !== 'close') heard.push('close') })
}

beforeEach(() => {
  handed = new HandedPort(() => undefined)
  inner = []
  heard = []
  handed.inner.onmessage = ({ data }) => inner.push(data === CLOSED ? 'closed' : data)
})
afterEach(() => {
  handed.inner.close()
  MessagePort.prototype.close.call(handed.port)
})

describe('a port that the page receives', () => {
  test("reports its close to the client's end, after all its messages", async () => {
    handed.port.postMessage(1)
    handed.port.postMessage(2)
    handed.port.close()
    await until(() => inner.length === 3)
    assert.deepEqual(inner, [1, 2, 'closed'])
  })

  test('gets a close of the other side after all messages, by a listener and by onclose', async () => {
    const events: Event[] = []
    Object.assign(handed.port, { onclose: (event: Event) => events.push(event) })
    handed.postMessage(1, [])
    handed.postMessage(2, [])
    listen(handed.port)
    handed.close()
    await until(() => heard.includes('close') && events.length > 0)
    assert.deepEqual(heard, [1, 2, 'close'])
    assert.equal(events[0]?.type, 'close')
  })

  test('gets ports with a message', async () => {
    const { port1, port2 } = new MessageChannel()
    const got: MessagePort[] = []
    handed.port.onmessage = ({ ports }) => got.push(...ports)
    handed.postMessage('take', [port2])
    await until(() => got.length === 1)
    assert.ok(got[0] instanceof MessagePort)
    port1.close()
  })
})

describe('a port that the page sends', () => {
  test('is unusable, and what is posted to its other end arrives at the client', async () => {
    const { port1, port2 } = new MessageChannel()
    port1.postMessage('before')
    const taken = takeOver(port2)
    taken.onmessage = ({ data }) => heard.push(data)
    port1.postMessage('after')
    port2.postMessage('into nothing')
    await until(() => heard.length === 2)
    assert.deepEqual(heard, ['before', 'after'])
    assert.throws(() => takeOver(port2), { name: 'DataCloneError' })
    taken.close()
  })

  test('that it had received before: a close of either end of the channel arrives at the other', async () => {
    const taken = takeOver(handed.port)
    assert.ok(handed.isBack)
    taken.onmessage = ({ data }) => heard.push(data === CLOSED ? 'closed' : data)
    handed.postMessage('through', [])
    handed.close()
    await until(() => heard.length === 2)
    assert.deepEqual(heard, ['through', 'closed'])
    taken.close()
  })

  test("and the close of the port that was taken over arrives at the client's first end", async () => {
    const taken = takeOver(handed.port)
    taken.postMessage('last words')
    taken.close()
    await until(() => inner.length === 2)
    await quiet()
    assert.deepEqual(inner, ['last words', 'closed'])
  })
})
