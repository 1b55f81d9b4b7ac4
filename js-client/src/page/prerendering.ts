/**
 * Pages that Chromium loads before the user opens them (speculation rules, the address bar). They connect when they are
 * shown: perhaps they never are, and the tab shows another document.
 *
 * When the page is shown, the document before it leaves the tab's token, in another process. Who reads the storage too
 * early never sees it, so that document says when it is there (tab-token.ts).
 */
import { ofDocument } from './own-document.js'

/** How long a page that is shown waits for the document before it, which may have no client. Measured: 10 to 35 ms. */
const WAIT_MS = 500

/** The token of a tab was left in the storage. */
export const CHANNEL = 'webipc'

export function isPrerendered(): boolean {
  return ofDocument('prerendering' as 'hidden') === true
}

/** Calls `begin` once: now, or when a prerendered page is shown and can know its tab. */
export function whenShown(begin: () => void): void {
  if (!isPrerendered()) {
    begin()
    return
  }
  const channel = new BroadcastChannel(CHANNEL)
  const end = (): void => {
    // Of another tab.
    if (isPrerendered() || !channel.onmessage) return
    channel.onmessage = null
    channel.close()
    begin()
  }
  channel.onmessage = end
  addEventListener('prerenderingchange', () => { setTimeout(end, WAIT_MS) }, true)
}
