/** Tells a connection what becomes of the document: it goes away, comes back, wakes. A worker has nothing of that. */
import type { Connection } from './connection.js'

export function followPage(connection: Connection): void {
  if (typeof window === 'undefined') return
  addEventListener('pagehide', ({ persisted }) => {
    const leave = (): void => { connection.leave(persisted) }
    // The page's own listeners run behind this one and may send. Where the document is still visible, it is hidden
    // right after the last of them, and still before it goes away.
    if (document.hidden) leave()
    else document.addEventListener('visibilitychange', leave, { once: true })
  })
  addEventListener('pageshow', ({ persisted }) => { if (persisted) connection.comeBack() })
  addEventListener('online', () => { connection.wake(true) })
  document.addEventListener('visibilitychange', () => { if (!document.hidden) connection.wake(false) })
}
