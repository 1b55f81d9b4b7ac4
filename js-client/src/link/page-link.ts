/**
 * One link of the page: its identity, its numbered messages, its waiting calls and its ports. A reset replaces all of
 * it by a new one (PROTOCOL.md 6.1 and 6.5).
 */
import type { DocumentDescription } from '../page/description.js'
import { Calls } from '../core/calls.js'
import { ResetError } from '../core/errors.js'
import { encodeControl, type EncodedMessage } from '../core/frame.js'
import { DEFAULT_LIMITS, type Limits } from '../core/limits.js'
import { Link, Side } from '../core/link/index.js'
import { LinkPorts } from '../ports/link-ports.js'

/** An `invoke` that waits for its answer. */
export interface Call {
  readonly channel: string
  /** The number of its message. */
  seq: number
  resolve(value: unknown): void
  reject(error: Error): void
}

/** How many waiting calls were never sent, and how many may have run. */
export interface Rejected {
  readonly notSent: number
  readonly unknownOutcome: number
}

type Sendable = string | Uint8Array<ArrayBuffer>

interface Identity {
  readonly link: string
  readonly secret: string
}

export class PageLink {
  /** Numbers, keeps and repeats the messages. */
  readonly core: Link
  readonly calls: Calls<Call>
  readonly ports: LinkPorts
  /** The server has welcomed it at least once. */
  known = false
  /** The last number when a body had messages. */
  carried = 0
  /** When a request was answered last. */
  answered = 0
  /** By what the times of its next socket are multiplied: 1, and twice as much behind each that was given up silent. */
  patience = 1
  /** The number of its last socket. */
  attempts = 0
  #identity: Identity | undefined

  /** @param post - sends a message on this link; @param mostBytes - the size above which it refuses one */
  constructor(
    limits: Limits = DEFAULT_LIMITS, post: (message: EncodedMessage) => void, mostBytes: () => number,
  ) {
    this.core = new Link(Side.RENDERER, limits)
    this.calls = new Calls(Side.RENDERER, limits)
    this.ports = new LinkPorts(limits, post, mostBytes)
  }

  /** Its id and its secret, created at first use: a program that never connects needs no randomness. */
  get identity(): Identity {
    return this.#identity ??= { link: randomToken(), secret: randomToken() }
  }

  /** @param attempt - the socket's number, or 0 in the body of a request */
  hello(attempt: number, description: DocumentDescription): string {
    const { received, first, last } = this.core
    // A server that welcomed this link, and does not know it now, has lost its messages: it must not create it again.
    const fresh = this.core.fresh && !this.known
    return encodeControl(received, 'hello', {
      ...this.identity, attempt, received, first, last, fresh, features: ['ports', 'invoke', 'doubles'], ...description,
    })
  }

  /** The page ends the link; carries the last number that it used. */
  bye(): string {
    return encodeControl(this.core.received, 'bye', this.core.last)
  }

  /**
   * The frames of bodies (PROTOCOL.md 2.4), each made when it is asked for: a `hello`, kept messages, the oldest first,
   * and `last`. None if nothing is kept and the server does not know the link.
   *
   * @param room - how many bytes a body may have
   */
  * bodies(description: DocumentDescription, last: Sendable[], room?: number): Generator<Sendable[]> {
    // Encoded first, because its `fresh` says whether any message was handed to a transport before.
    const hello = this.hello(0, description)
    const { core } = this
    this.carried = core.last
    for (const frames of core.backlog(room && room - hello.length)) {
      if (frames[0] || (this.known && last[0])) yield [hello, ...frames, ...last]
    }
  }

  /** Rejects every waiting call, in order. The error's code says whether the message was ever handed to a transport. */
  rejectCalls(reason: string): Rejected {
    const counts = { notSent: 0, unknownOutcome: 0 }
    for (const [, call] of this.calls.failAll()) {
      const handed = this.core.wasHanded(call.seq)
      counts[handed ? 'unknownOutcome' : 'notSent'] += 1
      call.reject(new ResetError(reason, handed ? 'unknown-outcome' : 'not-sent'))
    }
    return counts
  }
}

/** 128 random bits. `getRandomValues` is the one function that also works in pages without TLS. */
function randomToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
