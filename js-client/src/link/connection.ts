/**
 * The connection of a document with its server: makes sockets until one is welcomed, resumes the link on the next one,
 * tells in which state it is, and why (PROTOCOL.md 6.4 to 6.6, 7 and 8).
 *
 * Hands on what has come, undecoded, to whoever it was made for; does not know what a message means. What follows when
 * a link has ended is page-links.ts; what a blocked page does, blocking.ts; one socket, socket-session.ts.
 * Twin: server/webipc/connection.py
 */
import { JobQueue } from '../concurrency/job-queue.js'
import { SocketSession, type SessionListener } from './socket-session.js'
import { Backoff } from './backoff.js'
import { Blocking, type BlockedConnection } from './blocking.js'
import { describeDocument, type DocumentDescription } from '../page/description.js'
import type * as Public from '../types/connection.js'
import type { Envelope, Welcome } from '../core/envelope.js'
import type { Cloned } from '../core/clone/index.js'
import {
  AfterClose, afterClose, CloseCode, DestroyedError, FeatureError, fitReason, ProtocolError, refuseMore,
} from '../core/errors.js'
import { encodeMessage, type EncodedMessage } from '../core/frame.js'
import { DEFAULT_LIMITS, type Limits } from '../core/limits.js'
import { awaitParent, sharedHold, Waiting } from '../page/embedding.js'
import type { LifecycleConnection } from '../page/lifecycle.js'
import { EventEmitter } from '../channels/emitter.js'
import type { EventHold } from '../concurrency/event-hold.js'
import { Goodbye } from './goodbye.js'
import { PageLink, type Call, type Rejected } from './page-link.js'
import { PageLinks } from './page-links.js'
import type { LinkPorts } from '../ports/link-ports.js'
import { report } from '../concurrency/report-error.js'
import type { Refusal } from '../transports/sync-request.js'
import { Tab } from '../page/tab-token.js'
import { Timer } from '../concurrency/timer.js'
import { VERSION } from '../version.js'
import type { SocketClass } from '../transports/websocket.js'

export interface ClientOptions {
  /** Of the server, without a slash at its end; undefined where there is none to connect to. */
  readonly address: string | undefined
  /** The browser's, or another; undefined where there is none: then messages wait, within the link's limits. */
  readonly WebSocket: SocketClass | undefined
  readonly limits?: Limits
  readonly random?: () => number
}

export interface ConnectionOptions extends ClientOptions {
  /** Gives each message to the program. @throws ProtocolError when its value is not what it has to be */
  readonly deliver: (envelope: Envelope) => void
}

/** Why the link ended, where the server said it with a close code alone. */
const RESET_REASONS: Record<number, string> = { [CloseCode.OVERFLOW]: 'overflow', [CloseCode.RESET]: 'ended' }

/** What runs no listener of the page: it settles a promise, or is said into a port. */
const QUIET: readonly Envelope['kind'][] = ['result', 'error', 'port', 'port-close']

/** A message, or a function that runs after the dispatch of all earlier messages. */
type Job = Envelope | (() => void)

export class Connection extends EventEmitter
  implements Public.Connection, SessionListener, BlockedConnection, LifecycleConnection {
  /** What the server may call in this page, by channel (PROTOCOL.md 4.8): nothing, unless the page allows it. */
  readonly answers = new Map<string, (...args: unknown[]) => unknown>()
  readonly #options: ConnectionOptions
  readonly #limits: Limits
  readonly #backoff: Backoff
  readonly #tab: Tab
  readonly #jobs: JobQueue<Job>
  readonly #retry = new Timer()
  readonly hold: EventHold
  /** Documents in iframes of this one, which the server has to meet after it. */
  readonly waiting = new Waiting()
  readonly goodbye: Goodbye
  readonly #links: PageLinks
  readonly #blocking: Blocking
  #session: SocketSession | undefined
  #welcome: Welcome | undefined
  #state: Public.ConnectionState = 'connecting'
  #reason: string | undefined

  constructor(options: ConnectionOptions) {
    super()
    this.#options = options
    this.#limits = options.limits ?? DEFAULT_LIMITS
    this.#backoff = new Backoff(options.random ?? Math.random)
    this.hold = sharedHold(options.address)
    this.#tab = new Tab(options.address ?? '')
    this.goodbye = new Goodbye(this, this.#limits)
    this.#links = new PageLinks(() => new PageLink(this.#limits, (message) => { this.post(message) }))
    this.#blocking = new Blocking(this, this.#limits, this.hold)
    this.#jobs = new JobQueue<Job>(
      (job) => { this.#dispatch(job) },
      (job) => typeof job === 'function' || !QUIET.includes(job.kind),
      this.hold,
    )
  }

  get state(): Public.ConnectionState { return this.#state }
  get reason(): string | undefined { return this.#reason }
  get webContentsId(): number | undefined { return this.#welcome?.webContentsId }
  /** Of the server. */
  get address(): string | undefined { return this.#options.address }
  /** The id of the link: what documents in iframes of this one say to be frames of its tab. */
  get linkId(): string { return this.#links.newest.id }
  /** The ports of the link that messages come on. */
  get ports(): LinkPorts { return this.#links.arriving.ports }
  get debug(): boolean { return this.#welcome?.debug === true }

  /** Begins. Does nothing where there is no server or no WebSocket. */
  open(): void {
    this.#tab.take()
    this.#connect()
  }

  /** @throws DestroyedError as Electron does, when nothing can be sent; FeatureError when the server is too old */
  require(feature?: string): void {
    if (this.#state === 'closed') throw new DestroyedError('IPC method called after context was released')
    if (feature !== undefined && this.#welcome?.features.includes(feature) === false) throw new FeatureError(feature)
  }

  /** Sends a message, now or as soon as there is a socket. @returns its number */
  post(message: EncodedMessage): number {
    this.require()
    refuseMore('message_bytes', message.size, this.#welcome?.messageBytes ?? Infinity)
    const { newest } = this.#links
    const seq = newest.core.post(message)
    this.goodbye.posted(newest)
    this.#session?.schedule()
    return seq
  }

  /** Runs `post`, and once more if the browser cuts off the script that runs it (goodbye.ts). */
  protect(post: () => void): void {
    this.goodbye.protect(this.#links.newest.core, post)
  }

  /** Sends an `invoke`. Whatever throws, no call is left open. */
  call(call: Call, cloned: Cloned): void {
    const { calls } = this.#links.newest
    const id = calls.open(call)
    try {
      call.seq = this.post(encodeMessage(['invoke', id, call.channel], cloned))
    } catch (error) {
      calls.settle(id)
      throw error
    }
  }

  /** Sends the answer to a call that came with these ports' link. Where that is over, nobody waits for it. */
  answer(ports: LinkPorts, message: EncodedMessage): void {
    if (ports === this.#links.newest.ports && this.#state !== 'closed') this.post(message)
  }

  /** Sends a message with ports, which are the page's no more. */
  postPorted(channel: string, cloned: Cloned, transfer: unknown): void {
    this.require('ports')
    this.#links.newest.ports.send(['post', channel], cloned, transfer)
  }

  /** Sends a `sync`, and blocks the page until its answer is there. @throws what `post` throws, and ResetError */
  callSync(channel: string, cloned: Cloned): Envelope {
    this.require('sync')
    // Before its first socket a document has not looked yet which tab it belongs to.
    this.#tab.take()
    return this.#blocking.call(this.#links.newest, channel, cloned)
  }

  /** What an iframe of this document needs in order to be a frame of its tab. */
  introduce(): void {
    this.#blocking.introduce(this.#links.newest)
  }

  /** What the document says about itself now. */
  describe(): DocumentDescription {
    return describeDocument(this.#tab.token, this.#welcome?.process, this.address)
  }

  /** The server has said in a request what a close code would say. */
  refused(link: PageLink, { code, reason }: Refusal): void {
    if (link !== this.#links.newest || this.#state === 'closed') return
    this.#session?.close()
    this.lost(code, reason)
  }

  /** The socket may carry the link. */
  welcomed(welcome: Welcome): void {
    this.#welcome = welcome
    this.#tab.token = welcome.token
    this.#links.newest.known = true
    this.#backoff.reset()
    this.#become('open')
  }

  arrived(envelopes: readonly Envelope[]): void {
    this.#jobs.push(envelopes)
  }

  /** The socket has ended; its code says what comes next. */
  lost(code: number, reason: string): void {
    this.#session = undefined
    const next = afterClose(code)
    if (next === AfterClose.GIVE_UP) {
      this.#giveUp(`${code} ${reason}`)
    } else if (next === AfterClose.NEW_LINK) {
      this.broken(RESET_REASONS[code] ?? 'protocol')
    } else {
      // 4409 too: whoever has a newer socket has closed this one itself, and heard nothing of it.
      if (this.#state === 'open') this.#become('resuming')
      this.#connectLater()
    }
  }

  /** The link is over, and the next one takes its place at once; the calls of the old one wait for what came on it. */
  broken(reason: string): void {
    const old = this.#links.newest
    const givenUp = this.#links.replace()
    this.#session = undefined
    this.#become('reset', reason)
    // A listener may have closed the connection, which leaves nothing to tell.
    if (this.#state === 'closed') return
    let rejected: Rejected
    this.#jobs.push([
      () => { rejected = old.rejectCalls(reason) },
      () => { this.#announce({ reason, givenUp, ...rejected }) },
    ])
  }

  /** The server asks for it, which one in debug mode alone may (PROTOCOL.md 6.8). */
  reload(): void {
    if (this.debug) globalThis.location.reload()
  }

  /** The call that an answer belongs to, once. */
  settle(id: number): Call | undefined {
    return this.#links.arriving.calls.settle(id)
  }

  close(): void {
    if (this.#state === 'closed') return
    if (this.#state === 'open') this.#session?.finish(true)
    else this.goodbye.leave(this.#links.newest, this.#session, true)
    this.#release('closed by the page')
  }

  /** The network is back, or somebody looks at the page again. */
  wake(online: boolean): void {
    this.#session?.probe()
    if (!this.#retry.running) return
    if (online) this.#backoff.reset()
    this.#connect()
  }

  /** The document goes away, perhaps to come back. */
  leave(mayReturn: boolean): void {
    this.#tab.put()
    if (this.#state === 'closed') return
    this.goodbye.leave(this.#links.newest, this.#session, !mayReturn)
    this.#session = undefined
    this.#retry.stop()
    if (!mayReturn) this.#close('gone')
    else if (this.#state === 'open') this.#become('resuming')
  }

  /** The document has come back. */
  comeBack(): void {
    this.goodbye.going = false
    this.#tab.take()
    this.#backoff.reset()
    this.#connect()
  }

  /** An own function, as whoever waits for a moment to do it is given it. */
  readonly #connect = (): void => {
    this.#retry.stop()
    const { address, WebSocket } = this.#options
    const waiting = ['connecting', 'resuming'].includes(this.#state)
    if (!waiting || this.#session || address === undefined || !WebSocket) return
    if (awaitParent(address, this.#connect)) return
    try {
      const options = { WebSocket, address, description: this.describe(), limits: this.#limits, hold: this.hold }
      this.#session = new SocketSession(this.#links.newest, options, this)
    } catch (error) {
      this.#giveUp(String(error))
    }
  }

  #connectLater(): void {
    this.#retry.start(this.#backoff.next(), this.#connect)
  }

  #dispatch(job: Job): void {
    if (typeof job === 'function') {
      job()
      return
    }
    try {
      this.#options.deliver(job)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#refuse(error)
    }
  }

  /** A value lies: what came behind it is not looked at. A link that has ended already is not ended again. */
  #refuse(error: ProtocolError): void {
    if (this.#links.arriving !== this.#links.newest) return
    this.#jobs.clear()
    this.#session?.close(error.closeCode, fitReason(error.detail))
    this.broken('protocol')
  }

  #announce(event: Public.ResetEvent): void {
    this.#links.forget()
    this.#tell('reset', event)
    if (this.#state !== 'reset') return
    this.#become('connecting')
    this.#connectLater()
  }

  #giveUp(reason: string): void {
    console.warn(`webipc: ${String(this.#options.address)} refuses this page: ${reason} (client ${VERSION})`)
    this.#release(reason)
  }

  /** Closed, while the document goes on: whoever waits for an answer is told. */
  #release(reason: string): void {
    this.#links.release(reason)
    this.#close(reason)
  }

  #close(reason: string): void {
    this.#session = undefined
    this.#retry.stop()
    this.#jobs.stop()
    this.#become('closed', reason)
  }

  #become(state: Public.ConnectionState, reason?: string): void {
    if (state === this.#state) return
    this.#state = state
    this.#reason = reason
    this.#tell('state', { state, reason })
    if (state === 'open' || state === 'closed') this.waiting.callAll()
  }

  #tell(name: 'state' | 'reset', event: object): void {
    try {
      this.emit(name, event)
    } catch (error) {
      report(error)
    }
  }
}
