/**
 * The server of a connection under test: the client's own core in the role MAIN, behind sockets within this process.
 * It keeps links as a server does, and can be set to refuse, to stay silent, or to lose its links.
 */
import assert from 'node:assert/strict'
import { encode } from '../../src/core/clone/index.js'
import {
  decodeValue, parsePageControl, type Envelope, type Hello, type Invoke, type Send, type Sync,
} from '../../src/core/envelope.js'
import {
  decodeBody, decodeFrame, encodeControl, encodeMessage, sized, type EncodedMessage, type Frame,
} from '../../src/core/frame.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { claim, Link, Side } from '../../src/core/link/index.js'
import { IpcRenderer } from '../../src/ipc-renderer.js'
import type { ConnectionOptions } from '../../src/link/options.js'
import type { Socket, SocketClass } from '../../src/transports/websocket.js'
import { answerText, type SyncAnswer } from './scripted-request.js'

type Data = string | Uint8Array

/** A WebSocket as a page sees it. Everything happens in a task of its own, in order. */
export class ScriptedSocket implements Socket {
  binaryType = 'blob'
  bufferedAmount = 0
  onopen: ((event: never) => void) | null = null
  onmessage: ((event: never) => void) | null = null
  onclose: ((event: never) => void) | null = null
  /** The frames that the page has sent. */
  readonly frames: Frame[] = []
  /** The page's close code and reason. */
  closed: { code: number | undefined, reason: string | undefined } | undefined
  /** Set by the server on a hello. */
  attempt: number | undefined
  #opened = false
  /** Everything that the page sends is dropped, without an error: the network is gone unnoticed. */
  deaf = false

  constructor(readonly url: string, readonly protocol: string, readonly server: ScriptedServer) {
    server.sockets.push(this)
    setImmediate(() => { server.connected(this) })
  }

  send(data: Data): void {
    if (!this.#opened) throw new Error('InvalidStateError: still connecting')
    const frame = decodeFrame(data)
    setImmediate(() => {
      if (this.deaf) return
      this.frames.push(frame)
      this.server.came(this, frame)
    })
  }

  close(code?: number, reason?: string): void {
    this.closed = { code, reason }
    setImmediate(() => { this.server.lost(this) })
  }

  /** The server's side: */
  open(): void {
    this.#opened = true
    this.onopen?.({} as never)
  }

  deliver(data: Data): void {
    const copy = typeof data === 'string' ? data : data.slice().buffer
    setImmediate(() => { this.onmessage?.({ data: copy } as never) })
  }

  /** The server, or the network, ends the socket. */
  cut(code = 1006, reason = ''): void {
    this.deaf = true
    this.server.lost(this)
    setImmediate(() => { this.onclose?.({ code, reason } as never) })
  }
}

interface Known {
  readonly secret: string
  readonly link: Link
}

type Handler = (...args: unknown[]) => unknown

/** What a page gets instead of a welcome. */
type Mood = 'welcome' | 'silent' | { readonly code: number, readonly reason: string }

export class ScriptedServer {
  readonly sockets: ScriptedSocket[] = []
  /** Every received message with its value, once. */
  readonly log: { kind: string, channel?: string, value: unknown }[] = []
  readonly hellos: Hello[] = []
  readonly handlers: Record<string, Handler> = { echo: (...args) => args }
  /** Received messages of the kinds that are not in `log`: of ports, and for another page. */
  readonly others: Envelope[] = []
  /** Each received synchronous request. */
  readonly requests: { readonly hello: Hello, readonly awaited: number }[] = []
  /** The hello of each link that a request has made without a message. */
  readonly introduced: Hello[] = []
  /** The failures of the next requests: of the network, or another status. */
  readonly refusals: ('broken' | 'timeout' | SyncAnswer)[] = []
  /** The features in the welcome. */
  features = ['ports', 'sync', 'send-to']
  mood: Mood = 'welcome'
  /** Within how many milliseconds it answers a `sync`; undefined if it does not tell. */
  syncMs: number | undefined
  /** The limit in the welcome. */
  messageBytes = DEFAULT_LIMITS.messageBytes
  /** Acknowledges when so much has come that it is due, as every server does. Otherwise a test does, or nothing. */
  acknowledges = false
  /** How many messages the welcome does not acknowledge, although a later request does. */
  overtaken = 0
  #links = new Map<string, Known>()
  #process = 1
  /** The answers of `sync`, by id, until they are done. */
  #answers = new Map<number, EncodedMessage>()

  /** The WebSocket class for the client. */
  get WebSocket(): SocketClass {
    const server = this // eslint-disable-line @typescript-eslint/no-this-alias -- a constructor has no `this` to share
    return class extends ScriptedSocket {
      constructor(url: string, protocol: string) { super(url, protocol, server) }
    }
  }

  /** The newest socket. */
  get socket(): ScriptedSocket {
    const socket = this.sockets.at(-1)
    assert.ok(socket, 'no socket was made')
    return socket
  }

  /** The link of the newest hello. */
  get link(): Link {
    const known = this.#links.get(this.hellos.at(-1)?.link ?? '')
    assert.ok(known, 'the server does not know the link')
    return known.link
  }

  /** The values of all received `send`, by channel. */
  sent(channel: string): unknown[] {
    return this.log.filter((message) => message.kind === 'send' && message.channel === channel)
      .map((message) => message.value)
  }

  /** A restart. */
  forget(): void {
    this.#links = new Map()
    this.#process += 1
  }

  send(channel: string, ...args: unknown[]): void {
    this.post(channel, ...args)
    this.flush()
  }

  /** Sent by the next `flush`. */
  post(channel: string, ...args: unknown[]): void {
    this.link.post(encodeMessage(['send', channel], encode(args)))
  }

  /** Sends messages of given JSON. */
  say(...messages: string[]): void {
    for (const json of messages) this.link.post(sized(json))
    this.flush()
  }

  flush(): void {
    for (let frame = this.link.takeFrame(); frame !== null; frame = this.link.takeFrame()) this.socket.deliver(frame)
  }

  bare(): void {
    this.socket.deliver(this.link.bareFrame())
  }

  connected(socket: ScriptedSocket): void {
    if (typeof this.mood === 'object') {
      socket.open()
      socket.cut(this.mood.code, this.mood.reason)
    } else {
      socket.open()
    }
  }

  came(socket: ScriptedSocket, frame: Frame): void {
    if (frame.control) this.#controlCame(socket, frame.control)
    else this.#numberedCame(this.link.receive(frame, socket.attempt ?? null))
    if (!this.acknowledges) return
    // What waited for the window leaves.
    this.flush()
    if (this.link.ackDue) this.bare()
  }

  lost(socket: ScriptedSocket): void {
    for (const { link } of this.#links.values()) if (socket.attempt !== undefined) link.detach(socket.attempt)
  }

  /** A beacon's body. */
  async beacon(body: Blob): Promise<{ hello: Hello, bye: number | undefined }> {
    const [first, ...frames] = decodeBody(new Uint8Array(await body.arrayBuffer()))
    const hello = parsePageControl(first?.control ?? [])
    assert.equal(hello.kind, 'hello')
    const link = this.#know(hello)
    let bye: number | undefined
    for (const frame of frames) {
      const control = frame.control && parsePageControl(frame.control)
      if (control?.kind === 'bye') bye = control.last
      else this.#numberedCame(link.receive(frame, null), link)
    }
    return { hello: hello, bye }
  }

  /** Answers a synchronous request, or throws as a browser does without an answer. */
  sync(body: Uint8Array<ArrayBuffer>, url = '/sync'): SyncAnswer {
    const refusal = this.refusals.shift()
    if (refusal === 'timeout') throw new DOMException('nothing in time', 'TimeoutError')
    if (refusal === 'broken') throw new Error('NetworkError: nothing answers')
    if (refusal) return refusal
    const frames = decodeBody(body)
    return url.endsWith('/sync') ? this.#answered(frames) : this.#introduced(frames)
  }

  #introduced([first, ...frames]: Frame[]): SyncAnswer {
    const hello = parsePageControl(first?.control ?? [])
    assert.ok(hello.kind === 'hello' && frames.length === 0, 'a link is made without its messages')
    this.introduced.push(hello)
    this.#know(hello)
    return { status: 204, text: '' }
  }

  #answered([first, ...frames]: Frame[]): SyncAnswer {
    const [hello, last] = [first, frames.pop()].map((frame) => parsePageControl(frame?.control ?? []))
    assert.ok(hello?.kind === 'hello' && last?.kind === 'await')
    this.requests.push({ hello, awaited: last.id })
    const link = this.#know(hello)
    for (const frame of frames) this.#numberedCame(link.receive(frame, null), link)
    const answer = this.#answers.get(last.id)
    assert.ok(answer, 'a call that is awaited has come')
    return { status: 200, text: answerText(link, answer) }
  }

  #know(hello: Hello): Link {
    let known = this.#links.get(hello.link)
    if (!known) {
      assert.ok(hello.fresh, 'a link that is not known is fresh')
      known = { secret: hello.secret, link: new Link(Side.MAIN) }
      this.#links.set(hello.link, known)
    }
    assert.equal(hello.secret, known.secret)
    return known.link
  }

  #controlCame(socket: ScriptedSocket, control: readonly unknown[]): void {
    const message = parsePageControl(control)
    if (message.kind !== 'hello') return
    this.hellos.push(message)
    if (this.mood === 'silent') return
    if (!this.#links.has(message.link) && !message.fresh) {
      const reason = message.process === String(this.#process) ? 'unknown-link' : 'another-process'
      socket.deliver(encodeControl(0, 'reset', { reason }))
      setImmediate(() => { socket.cut(4410) })
      return
    }
    const link = this.#know(message)
    assert.ok(claim(link, message.attempt), 'each attempt has a higher number')
    socket.attempt = message.attempt
    const { received } = link
    link.attach(message.attempt, message.received)
    socket.deliver(encodeControl(received, 'welcome', {
      received: received - this.overtaken, features: this.features, process: String(this.#process), webContentsId: 7,
      token: 'a'.repeat(32), frameToken: 'b'.repeat(32), messageBytes: this.messageBytes, version: '0.1.0',
      syncMs: this.syncMs,
    }))
    this.flush()
  }

  #numberedCame(envelopes: readonly Envelope[], link = this.link): void {
    for (const envelope of envelopes) {
      if (envelope.kind === 'send') this.#note(envelope)
      else if (envelope.kind === 'invoke') this.#invoked(envelope, link)
      else if (envelope.kind === 'sync') this.#keep(envelope.id, answerOf(envelope.id, this.#called(envelope)))
      else this.others.push(envelope)
      if (envelope.kind === 'sync-done') this.#answers.delete(envelope.id)
    }
  }

  #note(envelope: Send | Invoke | Sync): unknown[] {
    const value = decodeValue(envelope) as unknown[]
    this.log.push({ kind: envelope.kind, channel: envelope.channel, value })
    return value
  }

  #called(envelope: Invoke | Sync): (() => unknown) | undefined {
    const args = this.#note(envelope)
    const handler = this.handlers[envelope.channel]
    return handler && (() => handler(...args))
  }

  #invoked(envelope: Invoke, link: Link): void {
    const answer = answerOf(envelope.id, this.#called(envelope))
    if (!answer) return
    link.post(answer)
    if (link.attached) this.flush()
  }

  #keep(id: number, answer: EncodedMessage | undefined): void {
    if (answer) this.#answers.set(id, answer)
  }
}

/** A missing handler never answers. */
function answerOf(id: number, handler: (() => unknown) | undefined): EncodedMessage | undefined {
  try {
    return handler && encodeMessage(['result', id], encode(handler()))
  } catch (error) {
    return encodeMessage(['error', id], encode(error))
  }
}

/** A client whose server is `server`; its times are as in production unless `limits` says otherwise. */
export function clientOf(server: ScriptedServer, options: Partial<ConnectionOptions> = {}): IpcRenderer {
  const { WebSocket } = server
  return new IpcRenderer({ address: 'http://127.0.0.1/ipc', WebSocket, random: () => 0, ...options })
}

/** Timeout of `until`, in milliseconds. */
const PATIENCE = 10_000

/** Waits for the condition, one task at a time. */
export async function until(condition: () => unknown): Promise<void> {
  const end = Date.now() + PATIENCE
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${PATIENCE} ms: ${String(condition)}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Lets everything on its way arrive: the scripted sockets and the queue need few tasks. */
export async function quiet(): Promise<void> {
  for (let task = 0; task < 20; task++) await new Promise((resolve) => setImmediate(resolve))
}
