/**
 * Reports the lifecycle of the document to its connection: it unloads, is restored, wakes. A worker has none.
 *
 * The page's own `pagehide` listeners run after the one here and may send. So the connection is left in the last event,
 * which differs between engines (tests/browser/test_leaving.py):
 *
 * | document | Chromium | Firefox | WebKit |
 * |---|---|---|---|
 * | visible | `visibilitychange` | `visibilitychange` | `visibilitychange` |
 * | hidden, for good | `unload`, where it is allowed | `unload` | `visibilitychange` |
 * | hidden, may come back | `freeze` | none | `visibilitychange` |
 */
import { listen } from './listeners.js'
import { forbids, ofDocument } from './own-document.js'

/** The connection, as far as the lifecycle concerns it. */
export interface LifecycleConnection {
  /** Its `going` is true from `pagehide` until the document is restored. */
  readonly goodbye: { going: boolean }
  /** The document unloads. @param mayReturn - whether the browser may restore it from its back/forward cache */
  leave(mayReturn: boolean): void
  /** The browser has restored the document. */
  comeBack(): void
  /** The page is visible again, or the network is back. @param online - true for the network */
  wake(online: boolean): void
}

export function followPage(connection: LifecycleConnection): void {
  if (typeof window === 'undefined') return
  let away: PageTransitionEvent | undefined
  // Called more than once does no harm. A document that stays also freezes and hides.
  const leave = (): void => { if (away) connection.leave(away.persisted) }
  const hide = (event: PageTransitionEvent): void => {
    connection.goodbye.going = true
    away = event
    // Added only here: the back/forward cache does not keep a page with an `unload` listener.
    // Chromium is disabling `unload` step by step.
    if (event.persisted || forbids('unload')) {
      if (ofDocument('hidden')) leave()
    } else addEventListener('unload', leave)
  }
  // Two listeners: the script of the first may be cut off (goodbye.ts).
  listen('pagehide', hide, true)
  listen('pagehide', hide)
  listen('visibilitychange', () => {
    leave()
    if (!ofDocument('hidden')) connection.wake(false)
  }, true)
  listen('pageshow', () => {
    if (away) connection.comeBack()
    away = undefined
  })
  listen('freeze', leave, true)
  listen('online', () => { connection.wake(true) })
}
