/**
 * Tells a connection what becomes of the document: it goes away, comes back, wakes. A worker has nothing of that.
 *
 * The page's own listeners of `pagehide` run behind the one here and may send, so what is said last is said in the
 * event behind it, and that is not the same one everywhere (tests/browser/test_leaving.py):
 *
 * | document | Chromium | Firefox | WebKit |
 * |---|---|---|---|
 * | visible | `visibilitychange` | `visibilitychange` | `visibilitychange` |
 * | hidden, for good | `unload`, where it is allowed | `unload` | `visibilitychange` |
 * | hidden, may come back | `freeze` | none | `visibilitychange` |
 */
import type { Connection } from '../link/connection.js'

/** Chromium's alone; it is withdrawing `unload` from one page after the other. */
interface Policy { readonly featurePolicy?: { allowsFeature(name: string): boolean } }

export function followPage(connection: Connection): void {
  if (typeof window === 'undefined') return
  let away: PageTransitionEvent | undefined
  // More than once does no harm. A document that is here freezes and hides as well.
  const leave = (): void => { if (away) connection.leave(away.persisted) }
  const hide = (event: PageTransitionEvent): void => {
    connection.goodbye.going = true
    away = event
    // Not before now: a page that listens to `unload` is not kept to come back.
    if (event.persisted || forbidsUnload()) {
      if (document.hidden) leave()
    } else addEventListener('unload', leave)
  }
  // Twice: the first may be cut off (goodbye.ts).
  addEventListener('pagehide', hide, true)
  addEventListener('pagehide', hide)
  document.addEventListener('visibilitychange', () => {
    leave()
    if (!document.hidden) connection.wake(false)
  })
  addEventListener('pageshow', () => {
    if (away) connection.comeBack()
    away = undefined
  })
  document.addEventListener('freeze', leave)
  addEventListener('online', () => { connection.wake(true) })
}

function forbidsUnload(): boolean {
  return (document as Policy).featurePolicy?.allowsFeature('unload') === false
}
