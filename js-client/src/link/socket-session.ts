/**
 * One socket of a link, from its opening to its end: hello and welcome, frames in both directions, acknowledgements
 * and heartbeat (PROTOCOL.md 6.1, 6.3, 6.4 and 7). After its end it sends nothing and calls no listener; its timers are
 * stopped, and its microtasks do nothing. connection.ts decides what follows.
 * Twin: server/webipc/endpoints/websocket/session.py
 */
import { socketAddress } from '../page/server-address.js'
import type { DocumentDescription } from '../page/description.js'
import { parseControl, type Envelope, type Welcome } from '../core/envelope.js'
import { CloseCode, fail, fitReason, ProtocolError, ResetError } from '../core/errors.js'
import { decodeFrame, type Frame } from '../core/frame.js'
import type { EventHold } from '../concurrency/event-hold.js'
import { Heartbeat } from './heartbeat.js'
import type { PageLink } from './page-link.js'
import { Timer } from '../concurrency/timer.js'
import { openSocket, type Socket, type SocketClass } from '../transports/websocket.js'

/** The callbacks of a session. After `lost` or `broken` none is called. */
export interface SessionListener {
  welcomed(welcome: Welcome): void
  arrived(envelopes: readonly Envelope[]): void
  /** The socket has ended; the code decides what follows. */
  lost(code: number, reason: string): void
  /** The link has ended. */
  broken(reason: string): void
  /** A developer has changed the page's files. */
  reload(): void
}

/** What a session needs. */
export interface SessionOptions {
  readonly WebSocket: SocketClass
  /** Of the server. */
  readonly address: string
  readonly description: DocumentDescription
  /** Every event of the socket goes through it. */
  readonly hold: EventHold
}

/** So many unacknowledged bytes take a slow network seconds. */
const MUCH = 16_384

/** Of 40 s: about ten minutes. */
const MOST_PATIENCE = 16

export class SocketSession {
  readonly #link: PageLink
  readonly #listener: SessionListener
  readonly #number: number
  readonly #hold: EventHold
  readonly #heartbeat: Heartbeat
  readonly #socket: Socket
  /** The timeout of the welcome; after it, the time of the next heartbeat check. */
  readonly #watch = new Timer()
  readonly #ack = new Timer()
  /** The session has ended; its events that were held back are dropped. */
  #over = false
  /** From the welcome to the end. */
  #welcomed = false
  /** A flush will run at the end of this task. */
  #scheduled = false

  /** @throws DOMException when the browser refuses to make such a socket at all */
  constructor(link: PageLink, options: SessionOptions, listener: SessionListener) {
    this.#link = link
    this.#listener = listener
    this.#hold = options.hold
    this.#number = ++link.attempts
    this.#heartbeat = new Heartbeat(link.core.limits, Date.now())
    this.#socket = openSocket(
      options.WebSocket,
      socketAddress(options.address, this.#number),
      this.#held(() => { this.#send(link.hello(this.#number, options.description)) }),
      this.#held((data) => { this.#receive(data) }),
      this.#held((code, reason) => {
        this.#end()
        listener.lost(code, reason)
      }),
    )
    this.#watch.start(link.core.limits.helloMs, () => { this.#drop() })
  }

  /**
   * A message was posted. The first one leaves at once, because the task may go on for long, or open a dialog, which
   * blocks it. Those behind it leave together, at the end of the task.
   */
  posted(): void {
    if (this.#scheduled) return
    this.#schedule()
    // A call that blocks has all messages in its request, and the socket need not send them too.
    if (!this.#hold.blocks) this.#flush()
  }

  /** The page wakes: checks whether the socket is alive. */
  probe(): void {
    if (this.#welcomed && this.#heartbeat.shouldProbe(Date.now())) this.#doubt()
  }

  /** Sends all unsent messages, then a `bye` if asked, and closes. */
  finish(bye: boolean): void {
    if (this.#welcomed) {
      this.#sendUnsent(true)
      if (bye) this.#send(this.#link.bye())
    }
    this.close(CloseCode.NORMAL)
  }

  close(code?: number, reason?: string): void {
    this.#end()
    this.#socket.close(code, reason)
  }

  /** An event of the socket: held back while the page blocks, and dropped after the end of the session. */
  #held<Values extends unknown[]>(action: (...values: Values) => void): (...values: Values) => void {
    return (...values) => {
      this.#hold.run(() => { if (!this.#over) action(...values) })
    }
  }

  #receive(data: string | Uint8Array): void {
    this.#heartbeat.heard(Date.now())
    if (this.#welcomed && this.#link.patience > 1) {
      this.#link.patience = 1
      this.#watchOn()
    }
    try {
      const frame = decodeFrame(data, this.#link.core.limits)
      if (frame.control) this.#receiveControl(frame.control)
      else this.#receiveNumbered(frame)
    } catch (error) {
      this.#refuse(error)
    }
  }

  #receiveControl(control: readonly unknown[]): void {
    const message = parseControl(control)
    if (message.kind === 'welcome' && !this.#welcomed) {
      const { core } = this.#link
      // The answer of a `sync` may have arrived before, and have acknowledged more.
      core.attach(this.#number, Math.max(message.received, core.first - 1))
      this.#welcomed = true
      this.#watchOn()
      this.#listener.welcomed(message)
      this.#flush()
    } else if (message.kind === 'reset') {
      this.close()
      this.#listener.broken(message.reason)
    } else if (message.kind === 'reload') {
      this.#listener.reload()
    } else {
      fail(`unexpected ${message.kind}`)
    }
  }

  #receiveNumbered(frame: Frame): void {
    if (!this.#welcomed) fail('unexpected frame')
    const { core } = this.#link
    const envelopes = core.receive(frame, this.#number)
    core.measure(Date.now())
    if (frame.isBare && this.#heartbeat.shouldAnswer(Date.now())) this.#send(core.bareFrame())
    if (core.ackOwed) this.#acknowledgeLater()
    // What the window has held back, and the frame may have acknowledged.
    if (core.next <= core.last) this.#flush()
    if (envelopes.length > 0) this.#deliver(envelopes)
    // After the dispatch, because a frame with the page's replies carries the acknowledgement.
    if (core.ackDue) this.#schedule()
  }

  #deliver(envelopes: readonly Envelope[]): void {
    // What the callers of several results post next leaves in one frame, as their calls did.
    if (envelopes.length > 1 && envelopes.every(({ kind }) => kind === 'result')) this.#schedule()
    this.#listener.arrived(envelopes)
  }

  /** Flushes at the end of this task: in a second microtask, after the promise callbacks that the task has queued. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      queueMicrotask(() => {
        this.#scheduled = false
        this.#flush()
      })
    })
  }

  #flush(): void {
    // Messages posted while the socket opens are sent at the welcome. After the end nothing is sent.
    if (!this.#welcomed) return
    this.#sendUnsent()
    this.#link.core.measure(Date.now())
    if (this.#link.core.ackDue) this.#acknowledge()
  }

  /** @param beyondWindow - even if the window is full */
  #sendUnsent(beyondWindow?: boolean): void {
    for (let frame; (frame = this.#link.core.takeFrame(beyondWindow)) !== null;) this.#send(frame)
  }

  #acknowledgeLater(): void {
    if (!this.#ack.running) this.#ack.start(this.#link.core.limits.ackMs, () => { this.#acknowledge() })
  }

  #acknowledge(): void {
    if (this.#link.core.ackOwed) this.#send(this.#link.core.bareFrame())
  }

  #send(frame: string | Uint8Array<ArrayBuffer>): void {
    this.#heartbeat.sent(Date.now())
    this.#socket.send(frame)
  }

  #watchOn(): void {
    const { core: { underWay, parcel }, patience } = this.#link
    const busy = underWay > MUCH || parcel.remaining > 0
    const wait = this.#heartbeat.wait(Date.now(), patience, this.#socket.bufferedAmount, busy)
    if (wait > 0) this.#watch.start(wait, () => { this.#watchOn() })
    else if (this.#heartbeat.doubted) this.#drop()
    else this.#doubt()
  }

  #doubt(): void {
    this.#heartbeat.doubt(Date.now())
    // Before the probe, which waits in the browser at first.
    this.#watchOn()
    this.#send(this.#link.core.bareFrame())
  }

  /** No frame arrives any more: treats the socket as lost. */
  #drop(): void {
    // A frame may take longer than that, and would be sent again and again.
    if (this.#welcomed) this.#link.patience = Math.min(2 * this.#link.patience, MOST_PATIENCE)
    this.close()
    this.#listener.lost(CloseCode.ABNORMAL, '')
  }

  /** Ends the link, not only the socket, because the next socket would receive the same bytes. */
  #refuse(error: unknown): void {
    if (error instanceof ProtocolError) {
      this.close(error.closeCode, fitReason(error.detail))
      this.#listener.broken('protocol')
    } else if (error instanceof ResetError) {
      this.close(CloseCode.PROTOCOL_ERROR, error.reason)
      this.#listener.broken(error.reason)
    } else {
      throw error
    }
  }

  #end(): void {
    this.#over = true
    this.#welcomed = false
    this.#link.core.detach(this.#number)
    for (const timer of [this.#watch, this.#ack]) timer.stop()
  }
}
