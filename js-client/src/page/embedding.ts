/**
 * Which document embeds this one: the nearest above it that has loaded the client for the same server and is of the
 * same origin. Only such documents see each other, and so only they can tell the server that they are one tab; the
 * server has to know the upper one first. Asks the browser alone.
 */
import type { ConnectionState } from '../types/connection.js'
import { EventHold } from '../concurrency/event-hold.js'

/** What a document below may use of the connection of the one above it. */
export interface Embedding {
  readonly address: string | undefined
  readonly linkId: string
  readonly state: ConnectionState
  readonly waiting: Waiting
  /** Holds back events while either document is blocked. Absent in an earlier version. */
  readonly hold: EventHold | undefined
  /** Blocks until the server knows that document. */
  introduce(): void
}

/** What documents below wait for: that a connection is open, or closed for good. */
export class Waiting {
  readonly #waiting = new Set<() => void>()

  add(again: () => void): void { this.#waiting.add(again) }

  callAll(): void {
    const called = [...this.#waiting]
    this.#waiting.clear()
    for (const again of called) again()
  }
}

type Realm = Record<symbol, { readonly ipcRenderer: { readonly connection: Embedding } } | undefined>

/** @returns the id of the link of the embedding document; undefined in a top document, a worker, or where none tells */
export function parentLink(address: string | undefined): string | undefined {
  return lookAbove(address, ({ linkId }) => linkId)
}

/** The hold of the embedding document, because it is blocked together with this one; a new hold where there is none. */
export function sharedHold(address: string | undefined): EventHold {
  return lookAbove(address, ({ hold }) => hold) ?? new EventHold()
}

/** Has the server know the embedding document, blocking: this one is about to say that it is a frame of its tab. */
export function introduceParent(address: string | undefined): void {
  lookAbove(address, (connection) => {
    connection.introduce()
    return true
  })
}

/**
 * An iframe is often faster than the document around it.
 *
 * @param again - called when the embedding document has come further; once, however often it is given
 * @returns false when there is nobody to wait for
 */
export function awaitParent(address: string | undefined, again: () => void): boolean {
  return lookAbove(address, ({ state, waiting }) => {
    const isOpen = state === 'open'
    if (!isOpen) waiting.add(again)
    return !isOpen
  }, (above) => {
    // A document that has loaded all its scripts and not the client is none of ours.
    if (!isLoading(above)) return undefined
    above.document.addEventListener('DOMContentLoaded', again, { once: true })
    return true
  }) ?? false
}

/**
 * Looks at the windows above this one, from the inside out.
 *
 * @param answer - of the first document that has the client for this server
 * @param otherwise - of a document that has no client; undefined to look further
 */
function lookAbove<T>(
  address: string | undefined, answer: (connection: Embedding) => T, otherwise?: (above: Window) => T | undefined,
): T | undefined {
  try {
    for (let inner: Window = window; inner !== inner.parent;) {
      inner = inner.parent
      const connection = connectionOf(inner)
      if (connection && serves(connection, address)) return answer(connection)
      const found = connection ? undefined : otherwise?.(inner)
      if (found !== undefined) return found
    }
  } catch {
    // A worker has no window; and a document of another origin does not let itself be looked at.
  }
  return undefined
}

function connectionOf(window: Window): Embedding | undefined {
  return (window as unknown as Realm)[Symbol.for('webipc')]?.ipcRenderer.connection
}

function serves({ address, state }: Embedding, sought: string | undefined): boolean {
  return address === sought && state !== 'closed'
}

/** Whether module scripts may still be on their way: `interactive` is said before they run. */
function isLoading({ document, performance }: Window): boolean {
  if (document.readyState !== 'interactive') return document.readyState === 'loading'
  const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  return navigation?.domContentLoadedEventStart === 0
}
