/**
 * Two links on a network that delays, cuts and doubles whatever it can, for some thousand steps from a seed: sockets
 * that were superseded still deliver, bodies come late or never, and either end may be restored from its snapshot at
 * any step. Every message has to arrive once and in order. Twin: tests/core/test_link_machine.py
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseControl, parsePageControl, type PageControl, type Envelope } from '../../src/core/envelope.js'
import { BufferFullError } from '../../src/core/errors.js'
import {
  decodeBody, decodeFrame, encodeBody, encodeControl, encodeMessage, type EncodedMessage, type Frame,
} from '../../src/core/frame.js'
import { DEFAULT_LIMITS, type Limits } from '../../src/core/limits.js'
import { claim, Link, Side } from '../../src/core/link/index.js'
import { restore, snapshot } from '../../src/core/link/snapshot.js'
import { bodyOf } from './links.js'

type Data = string | Uint8Array<ArrayBuffer>

const LIMITS: Limits = {
  ...DEFAULT_LIMITS, partBytes: 200, frameBytes: 400, frameMessages: 5, keptMessages: 40, ackMessages: 4,
}
const STEPS = 3_000
const HEX = '0123456789abcdef'.repeat(2)

/** A small generator of random numbers (mulberry32), so that a failure can be repeated. */
class Chance {
  #state: number
  constructor(seed: number) { this.#state = seed }

  /** 0 to `count` - 1. */
  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % count
  }

  pick<T>(items: readonly T[]): T | undefined { return items[this.below(items.length || 1)] }
}

/** Frames on their way on one socket, in both directions, each in order. */
class Socket {
  readonly toMain: Data[] = []
  readonly toRenderer: Data[] = []
  constructor(readonly attempt: number) {}
}

/** One side: its link, its posted messages and its received ones. */
class End {
  link: Link
  posted = 0
  arrived = 0
  constructor(readonly side: Side) { this.link = new Link(side, LIMITS) }

  post(kind: number, size: number): void {
    try {
      this.link.post(message(kind, this.posted + 1, size))
      this.posted++
    } catch (error) {
      assert.ok(error instanceof BufferFullError)
    }
  }

  take(envelopes: readonly Envelope[]): void {
    for (const envelope of envelopes) {
      if (envelope.kind !== 'send') throw new Error(`${envelope.kind} was never posted`)
      const [number, text] = envelope.value as [number, string]
      assert.equal(number, ++this.arrived)
      const bytes = envelope.segments[0] ?? new Uint8Array()
      assert.ok(bytes.every((byte) => byte === number % 256) && /^x*$/.test(text))
    }
  }

  restore(): void { this.link = restore(this.side, LIMITS, structuredClone(snapshot(this.link))) }
}

/** A text, or bytes, of which every fourth is cut into parts. */
function message(kind: number, number: number, size: number): EncodedMessage {
  const length = kind % 4 === 0 ? size * 6 : size
  const text = kind % 2 === 0 ? 'x'.repeat(length) : ''
  const segments = kind % 2 === 0 ? [] : [new Uint8Array(length).fill(number % 256)]
  return encodeMessage(['send', 'c'], { skeleton: [number, text], fixups: segments.map(() => ['b', [2], 0]), segments })
}

class Network {
  readonly main = new End(Side.MAIN)
  readonly renderer = new End(Side.RENDERER)
  #sockets: Socket[] = []
  #bodies: Data[] = []
  #attempt = 0

  constructor(readonly chance: Chance) {}

  /** What may happen in a step; more often listed, more likely. */
  readonly #happenings: readonly (() => void)[] = [
    () => { this.main.post(this.chance.below(12), this.chance.below(100)) },
    () => { this.renderer.post(this.chance.below(12), this.chance.below(100)) },
    () => { this.flush() },
    () => { this.flush() },
    () => { this.deliver(this.chance.pick(this.#sockets)) },
    () => { this.deliver(this.chance.pick(this.#sockets)) },
    () => { this.deliver(this.#sockets.at(-1)) },
    () => { this.deliver(this.#sockets.at(-1)) },
    () => { this.#bare() },
    () => { if (this.chance.below(8) === 0) this.connect() },
    () => { if (this.chance.below(8) === 0) this.#cut() },
    () => { if (this.chance.below(4) === 0) this.#send() },
    () => { this.#bodyArrives() },
    () => { if (this.chance.below(4) === 0) this.#end().restore() },
  ]

  step(): void { this.chance.pick(this.#happenings)?.() }

  /** At last everything gets through. */
  drain(): void {
    this.#sockets = []
    this.connect()
    for (let round = 0; round < 100; round++) {
      while (this.deliver(this.#sockets.at(-1))) this.flush()
      this.flush()
    }
    this.#bare()
    while (this.deliver(this.#sockets.at(-1))) continue
  }

  /** Both write what they have to the socket that carries their link. */
  flush(): void {
    for (const { side, link } of [this.main, this.renderer]) {
      const socket = this.#socketOf(link)
      if (!socket) continue
      const queue = side === Side.MAIN ? socket.toRenderer : socket.toMain
      for (let frame = link.takeFrame(); frame !== null; frame = link.takeFrame()) queue.push(frame)
      if (link.ackDue) queue.push(link.bareFrame())
    }
  }

  /** The page gives up the socket that it had, which may still deliver, and opens the next. */
  connect(): void {
    const { link } = this.renderer
    link.detach(this.#attempt)
    const socket = new Socket(++this.#attempt)
    socket.toMain.push(hello(link, this.#attempt))
    this.#sockets.push(socket)
    if (this.#sockets.length > 4) this.#sockets.shift()
  }

  /** One frame of a socket arrives, if there is one; false when the socket is empty. */
  deliver(socket: Socket | undefined): boolean {
    if (!socket) return false
    const toMain = socket.toMain.length > 0 && (socket.toRenderer.length === 0 || this.chance.below(2) === 0)
    const data = (toMain ? socket.toMain : socket.toRenderer).shift()
    if (data === undefined) return false
    const frame = decodeFrame(data, LIMITS)
    if (toMain) this.#toMain(frame, socket)
    else this.#toRenderer(frame, socket)
    return true
  }

  #toMain(frame: Frame, socket: Socket): void {
    const { link } = this.main
    const control = frame.control && parsePageControl(frame.control)
    if (control) this.#helloCame(control, socket)
    else this.main.take(link.receive(frame, socket.attempt))
  }

  #helloCame(control: PageControl, socket: Socket): void {
    const { link } = this.main
    if (control.kind !== 'hello' || !claim(link, control.attempt)) return
    assert.ok(link.canResume(control.first, control.received))
    link.attach(control.attempt, control.received)
    socket.toRenderer.push(welcome(link))
  }

  #toRenderer(frame: Frame, socket: Socket): void {
    const { link } = this.renderer
    const control = frame.control && parseControl(frame.control)
    if (control?.kind !== 'welcome') this.renderer.take(link.receive(frame, socket.attempt))
    else if (socket.attempt === this.#attempt) link.attach(socket.attempt, control.received)
  }

  #end(): End { return this.chance.below(2) === 0 ? this.main : this.renderer }

  #socketOf(link: Link): Socket | undefined {
    return this.#sockets.find(({ attempt }) => attempt === link.attempt)
  }

  #bare(): void {
    for (const { side, link } of [this.main, this.renderer]) {
      const socket = this.#socketOf(link)
      if (socket) (side === Side.MAIN ? socket.toRenderer : socket.toMain).push(link.bareFrame())
    }
  }

  /** A socket breaks; its ends may notice or not. What was under way is lost. */
  #cut(): void {
    const socket = this.chance.pick(this.#sockets)
    if (!socket) return
    this.#sockets = this.#sockets.filter((other) => other !== socket)
    if (this.chance.below(2) === 0) this.main.link.detach(socket.attempt)
    if (this.chance.below(2) === 0) this.renderer.link.detach(socket.attempt)
  }

  #send(): void {
    const { link } = this.renderer
    this.#bodies.push(encodeBody([hello(link, 0), ...bodyOf(link, this.chance.below(3000))]))
  }

  /** The oldest body arrives, or is lost, or arrives and will arrive again. */
  #bodyArrives(): void {
    const [body] = this.#bodies
    const fate = this.chance.below(3)
    if (fate > 0) this.#bodies.shift()
    if (!(body instanceof Uint8Array) || fate === 1) return
    for (const frame of decodeBody(body, LIMITS).slice(1)) this.main.take(this.main.link.receive(frame, null))
  }
}

function hello(link: Link, attempt: number): string {
  const { received, first, fresh } = link
  return encodeControl(received, 'hello', { link: HEX, secret: HEX, attempt, received, first, fresh, features: [] })
}

function welcome({ received }: Link): string {
  return encodeControl(received, 'welcome', {
    received, features: [], process: 'p', webContentsId: 1, token: HEX, frameToken: HEX, messageBytes: 1,
  })
}

describe('two links on a bad network', () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    test(`lose and repeat nothing (seed ${seed})`, () => {
      const network = new Network(new Chance(seed))
      const { main, renderer } = network
      for (let step = 0; step < STEPS; step++) network.step()
      network.drain()
      assert.deepEqual([renderer.arrived, main.arrived], [main.posted, renderer.posted])
      assert.deepEqual([main.link.kept.size, renderer.link.kept.size], [0, 0])
      assert.deepEqual([main.link.keptBytes, renderer.link.keptBytes], [0, 0])
      assert.ok(main.posted > 100 && renderer.posted > 100)
    })
  }
})
