/**
 * The connection of a document to its server: opens sockets until one is welcomed, resumes the link on the next one,
 * and reports the connection state (PROTOCOL.md 6.4 to 6.6, 7 and 8). Messages are passed on undecoded.
 *
 * One socket is socket-session.ts; the next link after a reset, page-links.ts; blocking calls, blocking.ts.
 * Twin: server/webipc/link/connection.py
 */
import { JobQueue } from '../concurrency/job-queue.js'
import { SocketSession, type SessionListener } from './socket-session.js'
import { Backoff } from './backoff.js'
import { block, introduce, SYNC_MS, type BlockedConnection } from './blocking.js'
import type { ConnectionOptions } from './options.js'
import { describeDocument, type DocumentDescription } from '../page/description.js'
import type * as Public from '../types/connection.js'
import { isBearer, type Envelope, type Welcome } from '../core/envelope.js'
import type { Cloned } from '../core/clone/index.js'
import {
  AfterClose, afterClose, CloseCode, DestroyedError, FeatureError, fitReason, NoSyncError, ProtocolError,
  refuseMore, resetReason, UnauthorizedError,
} from '../core/errors.js'
import { encodeMessage, type EncodedMessage } from '../core/frame.js'
import { awaitOpening, awaitParent, sharedHold } from '../page/embedding.js'
import type { LifecycleConnection } from '../page/lifecycle.js'
import { forbids } from '../page/own-document.js'
import { isPrerendered } from '../page/prerendering.js'
import { EventEmitter } from '../channels/emitter.js'
import type { EventHold } from '../concurrency/event-hold.js'
import { Goodbye, MOST_BEACONS } from './goodbye.js'
import { PageLink, type Call, type Rejected } from './page-link.js'
import { PageLinks } from './page-links.js'
import type { LinkPorts } from '../ports/link-ports.js'
import { report } from '../concurrency/report-error.js'
import { PROBED, wantsLogin } from '../transports/probe.js'
import type { Refusal } from '../transports/sync-request.js'
import { Tab } from '../page/tab-token.js'
import { VERSION } from '../version.js'

/** The reason of a server that takes nothing more, and has acknowledged what it took (PROTOCOL.md 6.5). */
const DRAINED = 'drained'

/** Messages that run no listener of the page: they settle a promise, or are posted to a port. */
const QUIET: readonly Envelope['kind'][] = ['result', 'error', 'port', 'port-close']

/** A message, or a function that runs after the dispatch of all earlier messages. */
type Job = Envelope | (() => void)

export class Connection extends EventEmitter
  implements Public.Connection, SessionListener, BlockedConnection, LifecycleConnection {
  /** The handlers that the server may call, by channel (PROTOCOL.md 4.8): none, unless the page opts in. */
  readonly answers = new Map<string, (...args: unknown[]) => unknown>()
  readonly #options: ConnectionOptions
  readonly #backoff: Backoff
  readonly #tab: Tab
  readonly #jobs: JobQueue<Job>
  readonly hold: EventHold
  /** Callbacks of embedded documents, which connect after this one. */
  readonly waiting = new Set<(state: Public.ConnectionState) => void>()
  readonly goodbye: Goodbye
  readonly #links: PageLinks
  #session: SocketSession | undefined
  #welcome: Welcome | undefined
  #state: Public.ConnectionState = 'connecting'
  #reason: string | undefined
  #code: number | undefined
  #token: string | undefined
  /** The page has to call `open()` first. */
  #manual: boolean

  constructor(options: ConnectionOptions) {
    super()
    this.#options = options
    this.#manual = options.manual === true
    this.#backoff = new Backoff(options.random ?? Math.random)
    this.hold = sharedHold(options.address)
    this.#tab = new Tab(options.address ?? '')
    this.goodbye = new Goodbye(this)
    this.#links = new PageLinks(() => new PageLink(options.limits, (message) => { this.post(message) }, this.#most))
    this.#jobs = new JobQueue<Job>(
      (job) => { this.#dispatch(job) },
      (job) => typeof job === 'function' || !QUIET.includes(job.kind),
      this.hold,
    )
    // So a reactive library takes it as it is: a proxy of it has no private fields, and all of its members throw.
    Object.preventExtensions(this)
  }

  get state(): Public.ConnectionState { return this.#state }
  get reason(): string | undefined { return this.#reason }
  get code(): number | undefined { return this.#code }
  get token(): string | undefined { return this.#token }
  set token(token: string | undefined) {
    // `undefined` is a text of such letters too. What was given is not quoted, because it is a secret.
    if (!isBearer(token)) throw new TypeError('connection.token: expected at most 8192 letters, digits and -._~+/=')
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-conversion -- JavaScript may have set a number
    this.#token = token && String(token)
  }

  get webContentsId(): number | undefined { return this.#welcome?.webContentsId }
  /** Of the server. */
  get address(): string | undefined { return this.#options.address }
  /** The id of the link. Embedded documents send it to be frames of this tab. */
  get linkId(): string { return this.#links.newest.identity.link }
  /** The ports of the link whose messages are dispatched. */
  get ports(): LinkPorts { return this.#links.arriving.ports }
  get debug(): boolean { return this.#welcome?.debug === true }
  get syncMs(): number { return this.#welcome?.syncMs ?? SYNC_MS }
  get mostBeacons(): number {
    return this.#manual ? 0 : this.#welcome?.features.includes('beacons') ? MOST_BEACONS : 1
  }

  /** The document is shown: starts to connect. Does nothing if there is no server or no WebSocket. */
  begin(): void {
    this.#tab.take()
    this.#connect()
  }

  open(): void {
    // A document that unloads has given the token of its tab to the next one.
    if (this.#state === 'closed' && !this.goodbye.going) this.#become('connecting')
    else if (!this.#manual) return
    this.#manual = false
    this.begin()
  }

  /**
   * @throws UnauthorizedError if a server has refused this page; DestroyedError with Electron's text, if it is closed
   *   otherwise; FeatureError if the server is too old
   */
  require(feature?: string): void {
    if (this.#state === 'closed') {
      if (this.#code) throw new UnauthorizedError(this.#code, String(this.#reason))
      throw new DestroyedError('IPC method called after context was released')
    }
    if (feature !== undefined && this.#welcome?.features.includes(feature) === false) throw new FeatureError(feature)
  }

  /** Sends a message at once or at the end of this task, or when a socket is open. @returns its number */
  post(message: EncodedMessage, piece?: number): number {
    this.require()
    refuseMore('message_bytes', message.size, this.#most())
    const { newest } = this.#links
    const seq = newest.core.post(message, piece)
    this.goodbye.posted(newest)
    this.#session?.posted()
    return seq
  }

  /** Runs `post`, and once more if the browser cuts off the script that runs it (goodbye.ts). */
  protect(post: () => void): void {
    this.goodbye.protect(this.#links.newest.core, post)
  }

  /** Sends an `invoke`. If sending throws, no call stays open. */
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

  /** Answers a call of the server. Dropped if the link of these ports, on which the call came, has ended. */
  answer(ports: LinkPorts, message: EncodedMessage): void {
    if (ports === this.#links.newest.ports && this.#state !== 'closed') this.post(message)
  }

  /** Sends a message with ports, which the page can no longer use. */
  postPorted(channel: string, cloned: Cloned, transfer: unknown): void {
    this.require('ports')
    this.#links.newest.ports.send(['post', channel], cloned, transfer)
  }

  /** Sends a `sync` and blocks until its answer. @throws as `post`; NoSyncError, UnansweredError, ResetError */
  callSync(channel: string, cloned: Cloned): Envelope {
    this.require('sync')
    if (this.#manual) throw new NoSyncError('call connection.open() first')
    if (isPrerendered()) throw new NoSyncError('it is prerendered; wait for prerenderingchange')
    if (forbids('sync-xhr')) throw new NoSyncError('its Permissions-Policy forbids sync-xhr')
    // Before its first socket, a document has not read the token of its tab.
    this.#tab.take()
    return block(this, this.#links.newest, channel, cloned)
  }

  /** Blocks until the server knows this document, so that an embedded document can be a frame of its tab. */
  introduce(): void {
    if (!this.#manual) introduce(this, this.#links.newest)
  }

  /** The current description of the document. */
  describe(): DocumentDescription {
    return describeDocument(this.#tab.token, this.#welcome?.process, this.address, this.#token)
  }

  /** The server has refused the link in a request; the refusal has a close code. */
  refused(link: PageLink, { code, reason }: Refusal): void {
    if (link !== this.#links.newest || this.#state === 'closed') return
    this.#session?.close()
    this.lost(code, reason)
  }

  /** The server has accepted the socket for the link. */
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

  /** The socket has ended. Its close code decides what follows. */
  lost(code: number, reason: string): void {
    this.#session = undefined
    const next = afterClose(code)
    const { core, carried } = this.#links.newest
    if (code === CloseCode.SERVICE_RESTART && reason === DRAINED) core.retract(carried)
    if (next === AfterClose.GIVE_UP) {
      this.#giveUp(reason, code)
    } else if (next === AfterClose.NEW_LINK) {
      this.broken(resetReason(code, reason))
    } else {
      // 4409 too: a page with a newer socket has closed this one itself, and gets no event of it.
      if (this.#state === 'open') this.#become('resuming', undefined, code)
      this.#backoff.retry(this.#connect, code === CloseCode.ASK_AGAIN)
      if (code === CloseCode.ABNORMAL && this.#backoff.tries % PROBED === 0) void this.#probe()
    }
  }

  async #probe(): Promise<void> {
    const link = this.#links.newest
    if (await wantsLogin(String(this.address)) && this.#state !== 'open') {
      this.refused(link, { code: CloseCode.UNAUTHORIZED, reason: 'a proxy wants a login' })
    }
  }

  /** The link has ended; the next one replaces it. The old calls are rejected after the old messages are dispatched. */
  broken(reason: string): void {
    const old = this.#links.newest
    const givenUp = this.#links.replace()
    this.#session = undefined
    this.#become('reset', reason)
    // A listener may have closed the connection, and opened it again; then there is no reset to report.
    if (this.#state !== 'reset') return
    let rejected: Rejected
    this.#jobs.push([
      () => { rejected = old.rejectCalls(reason) },
      () => { this.#announce({ reason, givenUp, ...rejected }) },
    ])
  }

  /** Reloads the page for the server, in debug mode only (PROTOCOL.md 6.8). */
  reload(): void {
    if (this.debug) globalThis.location.reload()
  }

  /** Closes the call of an answer. @returns it, or undefined if it is closed already */
  settle(id: number): Call | undefined {
    return this.#links.arriving.calls.settle(id)
  }

  close(): void {
    if (this.#state === 'closed') return
    if (this.#state === 'open') this.#session?.finish(true)
    else this.goodbye.leave(this.#links.newest, this.#session, true)
    this.#release('closed by the page')
  }

  /** The network is back (`online`), or the page is visible again. */
  wake(online: boolean): void {
    this.#session?.probe()
    if (!this.#backoff.running) return
    if (online) this.#backoff.reset()
    this.#connect()
  }

  /** The document unloads. `mayReturn`: the browser may restore it. */
  leave(mayReturn: boolean): void {
    this.#tab.put()
    if (this.#state === 'closed') return
    this.goodbye.leave(this.#links.newest, this.#session, !mayReturn)
    this.#session = undefined
    this.#backoff.stop()
    if (!mayReturn) this.#close('gone')
    else if (this.#state === 'open') this.#become('resuming')
  }

  /** The browser has restored the document. */
  comeBack(): void {
    this.goodbye.going = false
    this.#tab.take()
    this.#backoff.reset()
    this.#connect()
  }

  /** The size of the largest message that the server takes. */
  readonly #most = (): number => this.#welcome?.messageBytes ?? Infinity

  /** A field, because timers and other documents keep it as a callback. */
  readonly #connect = (): void => {
    this.#backoff.stop()
    const { address, WebSocket } = this.#options
    if (!this.#mayConnect || address === undefined || !WebSocket) return
    if (awaitParent(address, this.#connect)) return
    try {
      const options = { WebSocket, address, description: this.describe(), hold: this.hold }
      this.#session = new SocketSession(this.#links.newest, options, this)
    } catch (error) {
      this.#giveUp(String(error))
    }
  }

  get #mayConnect(): boolean {
    const waits = ['connecting', 'resuming'].includes(this.#state) && !this.#session
    return waits && !this.#manual && !isPrerendered()
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

  /** A value is wrong: later messages are dropped, and the link ends, unless it has ended already. */
  #refuse(error: ProtocolError): void {
    if (this.#links.arriving !== this.#links.newest) return
    this.#jobs.clear()
    this.#session?.close(error.closeCode, fitReason(error.detail))
    this.broken('protocol')
  }

  #announce(event: Public.ResetEvent): void {
    this.#links.forget()
    this.#notify('reset', event)
    if (this.#state !== 'reset') return
    this.#become('connecting')
    this.#backoff.retry(this.#connect)
  }

  #giveUp(reason: string, code?: number): void {
    console.warn(`webipc: ${this.address} refuses this page: ${code ?? ''} ${reason} (client ${VERSION})`)
    this.#release(reason, code)
    // Unless it is closed for another reason by then.
    awaitOpening(this.address, () => { if (this.#code) this.open() })
  }

  /** Closes while the document stays: waiting calls are rejected. */
  #release(reason: string, code?: number): void {
    this.#links.release(resetReason(code, reason))
    this.#close(reason, code)
  }

  #close(reason: string, code?: number): void {
    this.#session = undefined
    this.#backoff.stop()
    this.#jobs.stop()
    this.#become('closed', reason, code)
  }

  #become(state: Public.ConnectionState, reason?: string, code?: number): void {
    if (state === this.#state) return
    this.#state = state
    this.#reason = reason
    this.#code = code
    this.#notify('state', { state, reason, code })
    if (state !== 'open' && state !== 'closed') return
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const again of waiting) again(state)
  }

  #notify(name: 'state' | 'reset', event: object): void {
    try {
      this.emit(name, event)
    } catch (error) {
      report(error)
    }
  }
}
