/**
 * Finds the document that embeds this one: the nearest ancestor with the client for the same server and the same
 * origin. Only such documents can reach each other, so only they can declare to the server that they are one tab. The
 * server has to know the ancestor first.
 */
import type { ConnectionState } from '../types/connection.js'
import { EventHold } from '../concurrency/event-hold.js'

/** The part of a connection that embedded documents use. */
export interface Embedding {
  readonly address: string | undefined
  readonly linkId: string
  readonly state: ConnectionState
  /** Callbacks of embedded documents. Each is called once, when the connection is open or closed. */
  readonly waiting: Set<(state: ConnectionState) => void>
  /** Holds back events while either document is blocked. Absent in an earlier version. */
  readonly hold: EventHold | undefined
  /** Blocks until the server knows the embedding document. */
  introduce(): void
}

type Realm = Record<symbol, { readonly ipcRenderer: { readonly connection: Embedding } } | undefined>

/** @returns the link id of the embedding document; undefined in a top document, in a worker, or if there is none */
export function parentLink(address: string | undefined): string | undefined {
  return lookAbove(address, ({ linkId }) => linkId)
}

/** The hold of the embedding document, because it is blocked together with this one; a new hold where there is none. */
export function sharedHold(address: string | undefined): EventHold {
  return lookAbove(address, ({ hold }) => hold) ?? new EventHold()
}

/** Blocks until the server knows the embedding document, because this document names it in its `hello`. */
export function introduceParent(address: string | undefined): void {
  lookAbove(address, (connection) => {
    connection.introduce()
    return true
  })
}

/**
 * Waits for the embedding document, because an iframe often loads faster.
 *
 * @param again - called once when to look again, even if it is passed more than once
 * @returns false if there is no document to wait for
 */
export function awaitParent(address: string | undefined, again: () => void): boolean {
  return lookAbove(address, ({ state, waiting }) => {
    const isOpen = state === 'open'
    if (!isOpen) waiting.add(again)
    return !isOpen
  }, (above) => {
    // A document that has run all its scripts, and has no client, will not load one.
    if (!isLoading(above)) return undefined
    above.document.addEventListener('DOMContentLoaded', again, { once: true })
    return true
  }) ?? false
}

/** Calls `open` when the embedding document, which may be closed now, has connected next. */
export function awaitOpening(address: string | undefined, open: () => void): void {
  const look = (state?: ConnectionState): void => {
    if (state === 'open') open()
    else lookAbove(address, ({ waiting }) => waiting.add(look), undefined, '')
  }
  look()
}

/**
 * Walks the ancestor windows, from the inside out.
 *
 * @param answer - called with the first connection to this server; its result is returned
 * @param otherwise - called with a window that has no client; undefined continues the walk
 * @param ignored - the state of connections that do not count
 */
function lookAbove<T>(
  address: string | undefined, answer: (connection: Embedding) => T, otherwise?: (above: Window) => T | undefined,
  ignored: ConnectionState | '' = 'closed',
): T | undefined {
  try {
    for (let inner: Window = window; inner !== inner.parent;) {
      inner = inner.parent
      const connection = connectionOf(inner)
      if (!connection) {
        const found = otherwise?.(inner)
        if (found !== undefined) return found
      } else if (serves(connection, address, ignored)) {
        return answer(connection)
      }
    }
  } catch {
    // A worker has no window, and access to a document of another origin throws.
  }
  return undefined
}

function serves({ address, state }: Embedding, sought: string | undefined, ignored: string): boolean {
  return address === sought && state !== ignored
}

function connectionOf(window: Window): Embedding | undefined {
  return (window as unknown as Realm)[Symbol.for('webipc')]?.ipcRenderer.connection
}

/** Whether module scripts may still have to run: `readyState` is `interactive` before they do. */
function isLoading({ document, performance }: Window): boolean {
  if (document.readyState !== 'interactive') return document.readyState === 'loading'
  const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  return navigation?.domContentLoadedEventStart === 0
}
