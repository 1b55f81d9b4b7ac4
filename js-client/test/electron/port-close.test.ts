/**
 * `close` at the other end of a page's own channel. Node's ports have the event, so these run on channels with a
 * browser's behaviour instead, made of two queues; the real ones are in tests/browser/test_electron_files.py.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { announcePortClose, type PortRealm } from '../../src/electron/port-close.js'

interface Message { readonly data: unknown, readonly ports: readonly Port[] }

/** One end of a browser's channel, with its queued messages, whichever port object currently represents it. */
interface Queue { waiting: Message[], owner: Port | undefined, other: Queue | undefined, started: boolean }

function makeRealm(): PortRealm & { readonly MessagePort: { new (): Port } } {
  class PortHere extends Port {}
  class Channel {
    readonly port1 = new PortHere()
    readonly port2 = new PortHere()
    constructor() {
      this.port1.queue = { waiting: [], owner: this.port1, other: undefined, started: false }
      this.port2.queue = { waiting: [], owner: this.port2, other: this.port1.queue, started: false }
      this.port1.queue.other = this.port2.queue
    }
  }
  const clone = (value: unknown, { transfer = [] }: { transfer?: Port[] } = {}): unknown => {
    const moved = new Map(transfer.map((port) => [port, port.move()]))
    const copy = (each: unknown): unknown => {
      if (each instanceof Port) return moved.get(each)
      return Array.isArray(each) ? each.map(copy) : each
    }
    return copy(value)
  }
  const realm = { MessageChannel: Channel, MessagePort: PortHere, structuredClone: clone }
  return realm as unknown as ReturnType<typeof makeRealm>
}

class Port extends EventTarget {
  queue: Queue | undefined

  postMessage(data: unknown, transfer: Port[] = []): void {
    const ports = transfer.map((port) => port.move())
    this.queue?.other?.waiting.push({ data, ports })
    if (this.queue?.other) pump(this.queue.other)
  }

  start(): void {
    if (this.queue) this.queue.started = true
    if (this.queue) pump(this.queue)
  }

  close(): void {
    if (this.queue?.other) this.queue.other.other = undefined
    this.queue = undefined
  }

  move(): Port {
    const moved = new (this.constructor as typeof Port)()
    moved.queue = this.queue
    if (moved.queue) Object.assign(moved.queue, { owner: moved, started: false })
    this.queue = undefined
    return moved
  }
}

function pump(queue: Queue): void {
  setTimeout(() => {
    const message = queue.started ? queue.waiting.shift() : undefined
    if (!message) return
    queue.owner?.dispatchEvent(Object.assign(new Event('message'), message))
    pump(queue)
  })
}

/** A port of an engine that has the event, or has been given it. */
type ClosingPort = MessagePort & { onclose: ((event: Event) => void) | null }

interface Ends { readonly port1: ClosingPort, readonly port2: ClosingPort }

function channel(): Ends & { readonly realm: PortRealm } {
  const realm = makeRealm()
  announcePortClose(realm)
  return { realm, ...opened(realm) }
}

function opened(realm: PortRealm): Ends {
  return new realm.MessageChannel() as unknown as Ends
}

/** Starts a port. @returns its events, in order */
function heardBy(port: MessagePort): unknown[] {
  const heard: unknown[] = []
  port.addEventListener('message', ({ data }) => heard.push(data))
  port.addEventListener('close', () => heard.push('close'))
  port.start()
  return heard
}

/** Lets every pending step run: each is a timer without delay. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await new Promise((resolve) => setTimeout(resolve))
}

describe('announcePortClose', () => {
  it('lets close() be heard at the other end alone, once, and later than the call', async () => {
    const { port1, port2 } = channel()
    const [closing, other] = [heardBy(port1), heardBy(port2)]
    port1.close()
    port1.close()
    assert.deepEqual(other, [])
    await settled()
    assert.deepEqual([closing, other], [[], ['close']])
  })

  it('comes behind every message that was posted before', async () => {
    const { port1, port2 } = channel()
    for (let number = 0; number < 5; number += 1) port1.postMessage(number)
    port1.close()
    await settled()
    const heard = heardBy(port2)
    await settled()
    assert.deepEqual(heard, [0, 1, 2, 3, 4, 'close'])
  })

  it('calls onclose, which can be replaced and taken away', async () => {
    const { port1, port2 } = channel()
    const heard: string[] = []
    assert.equal(port2.onclose, null)
    port2.onclose = (): void => { heard.push('first') }
    port2.onclose = function (this: MessagePort, event: Event): void { heard.push(`${event.type} ${this === port2}`) }
    port1.close()
    await settled()
    assert.deepEqual(heard, [], 'the port is not started')
    port2.start()
    await settled()
    assert.deepEqual(heard, ['close true'])
    port2.onclose = null
    port2.dispatchEvent(new Event('close'))
    assert.equal(heard.length, 1)
  })

  it('follows a port through structuredClone, also inside of a list', async () => {
    const { realm, port1, port2 } = channel()
    const taken = realm.structuredClone(port2, { transfer: [port2] })
    const [, again] = realm.structuredClone(['first', taken] as const, { transfer: [taken] })
    const [stale, heard] = [heardBy(port2), heardBy(again)]
    port1.postMessage('last')
    port1.close()
    await settled()
    assert.deepEqual([stale, heard], [[], ['last', 'close']])
  })

  it('hears a close of the port that came out of structuredClone', async () => {
    const { realm, port1, port2 } = channel()
    const taken = realm.structuredClone(port2, { transfer: [port2] })
    const heard = heardBy(port1)
    port2.close()
    await settled()
    assert.deepEqual(heard, [], 'the port that was given away is nothing')
    taken.close()
    await settled()
    assert.deepEqual(heard, ['close'])
  })

  it('follows a port through another port of the page, closed before it arrives', async () => {
    const { realm, port1, port2 } = channel()
    const carrier = opened(realm)
    const heard: unknown[] = []
    carrier.port1.postMessage('empty')
    carrier.port1.postMessage('with a port', [port2])
    port1.postMessage('last')
    port1.close()
    carrier.port2.addEventListener('message', ({ ports }) => {
      for (const port of ports) heard.push(heardBy(port))
    })
    carrier.port2.start()
    await settled()
    assert.deepEqual(heard, [['last', 'close']])
  })

  it('says nothing twice where something else has said it', async () => {
    const { port1, port2 } = channel()
    const heard = heardBy(port2)
    port1.close()
    port2.dispatchEvent(new Event('close'))
    await settled()
    assert.deepEqual(heard, ['close'])
  })

  it('says nothing to a port that is closed itself', async () => {
    const { port1, port2 } = channel()
    const heard = heardBy(port2)
    port1.close()
    port2.close()
    await settled()
    assert.deepEqual(heard, [])
  })

  it('leaves an engine alone that has the event, and patches no engine twice', () => {
    const realm = makeRealm()
    announcePortClose(realm)
    const { MessageChannel, structuredClone } = realm
    announcePortClose(realm)
    assert.deepEqual([realm.MessageChannel, realm.structuredClone], [MessageChannel, structuredClone])
    announcePortClose(undefined)
    assert.ok(new realm.MessageChannel() instanceof MessageChannel)
  })
})
