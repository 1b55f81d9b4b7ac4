/**
 * Which document embeds this one: the nearest above it that has loaded the client for the same server and is of the
 * same origin. Only such documents see each other, and so only they can tell the server that they are one tab; the
 * server has to know the upper one first. Asks the browser alone.
 */
import type { ConnectionState } from './connection-types.js'

/** What a document below may use of the connection of the one above it. */
export interface Embedding {
  readonly address: string | undefined
  readonly linkId: string
  readonly state: ConnectionState
  readonly waiting: Waiting
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
  return lookAbove((connection) => (connection && serves(connection, address) ? connection.linkId : undefined))
}

/**
 * An iframe is often faster than the document around it.
 *
 * @param again - called when the embedding document has come further; once, however often it is given
 * @returns false when there is nobody to wait for
 */
export function awaitParent(address: string | undefined, again: () => void): boolean {
  return lookAbove((connection, above) => {
    if (connection && serves(connection, address)) {
      const isOpen = connection.state === 'open'
      if (!isOpen) connection.waiting.add(again)
      return !isOpen
    }
    // A document that has loaded all its scripts and not the client is none of ours.
    if (connection || !isLoading(above)) return undefined
    above.document.addEventListener('DOMContentLoaded', again, { once: true })
    return true
  }) ?? false
}

function serves({ address, state }: Embedding, sought: string | undefined): boolean {
  return address === sought && state !== 'closed'
}

/** @returns the first answer about the windows above this one, from the inside out */
function lookAbove<T>(answer: (connection: Embedding | undefined, above: Window) => T | undefined): T | undefined {
  try {
    for (let inner: Window = window; inner !== inner.parent;) {
      inner = inner.parent
      const loaded = (inner as unknown as Realm)[Symbol.for('webipc')]
      const found = answer(loaded?.ipcRenderer.connection, inner)
      if (found !== undefined) return found
    }
  } catch {
    // A worker has no window; and a document of another origin does not let itself be looked at.
  }
  return undefined
}

/** Whether module scripts may still be on their way: `interactive` is said before they run. */
function isLoading({ document, performance }: Window): boolean {
  if (document.readyState !== 'interactive') return document.readyState === 'loading'
  const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  return navigation?.domContentLoadedEventStart === 0
}
