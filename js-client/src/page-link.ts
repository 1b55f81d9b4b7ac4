/**
 * One link as the page has it: who it is, what is numbered on it, and which calls wait on it. A reset makes a new one
 * and leaves nothing of the old (PROTOCOL.md 6.1 and 6.5). Knows no socket and no time.
 */
import { Calls } from './core/calls.js'
import { ResetError } from './core/errors.js'
import { encodeControl } from './core/frame.js'
import { DEFAULT_LIMITS, type Limits } from './core/limits.js'
import { Link, Side } from './core/link.js'

/** An `invoke` that waits for its answer. */
export interface Call {
  readonly channel: string
  /** The number of its message. */
  seq: number
  resolve(value: unknown): void
  reject(error: Error): void
}

/** What a page says about itself in `hello`; each may be absent. */
export interface Claims {
  readonly token: string | undefined
  readonly url: string | undefined
  readonly name: string | undefined
  readonly version: string
}

/** How many of the waiting calls had left, and how many had not. */
export interface Rejected {
  readonly notSent: number
  readonly unknownOutcome: number
}

export class PageLink {
  readonly link: Link
  readonly calls: Calls<Call>
  /** The server has welcomed it at least once. */
  known = false
  #attempts = 0
  #identity: { readonly link: string, readonly secret: string } | undefined

  constructor(limits: Limits = DEFAULT_LIMITS) {
    this.link = new Link(Side.RENDERER, limits)
    this.calls = new Calls(Side.RENDERER, limits)
  }

  /** The number of the next socket. */
  nextAttempt(): number {
    return ++this.#attempts
  }

  /** @param attempt - the socket's number, or 0 in the body of a request */
  hello(attempt: number, claims: Claims): string {
    const { received, first } = this.link
    // Who has welcomed this link and does not know it now has forgotten it, and whatever it had sent.
    const fresh = this.link.fresh && !this.known
    // Made with the first hello: a program that never connects needs no randomness.
    this.#identity ??= { link: randomToken(), secret: randomToken() }
    return encodeControl(received, 'hello', {
      ...this.#identity, attempt, received, first, fresh, features: [], ...claims,
    })
  }

  /** The page ends the link, and this was the last number. */
  bye(): string {
    return encodeControl(this.link.received, 'bye', this.link.last)
  }

  /** Rejects every waiting call, in the order of the calls; each learns whether its message had ever left. */
  rejectCalls(reason: string): Rejected {
    const counts = { notSent: 0, unknownOutcome: 0 }
    for (const [, call] of this.calls.failAll()) {
      const handed = this.link.wasHanded(call.seq)
      counts[handed ? 'unknownOutcome' : 'notSent'] += 1
      call.reject(new ResetError(reason, handed ? 'unknown-outcome' : 'not-sent'))
    }
    return counts
  }
}

/** 128 random bits. Only `getRandomValues` is there in pages without TLS too. */
function randomToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
