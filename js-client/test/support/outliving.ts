/** A browser's two requests that outlive a document, `sendBeacon` and `fetch` with `keepalive`, handed to a test. */

export interface Request { readonly url: string, readonly body: Blob, readonly init?: RequestInit }

/** What was sent, in its order, by each of the two. */
export interface Outliving { readonly beacons: Request[], readonly fetches: Request[] }

const { fetch } = globalThis

/** @param allow - whether the browser takes a beacon; it may throw */
export function catchOutliving(allow: () => boolean = () => true): Outliving {
  const outliving: Outliving = { beacons: [], fetches: [] }
  const sendBeacon = (url: string, body: Blob): boolean => allow() && outliving.beacons.push({ url, body }) > 0
  // Node 20 has no navigator.
  Object.defineProperty(globalThis, 'navigator', { value: { sendBeacon }, configurable: true })
  globalThis.fetch = (url, init) => {
    outliving.fetches.push({ url: url as string, body: init?.body as Blob, ...init && { init } })
    return Promise.reject(new TypeError('nobody is there'))
  }
  return outliving
}

/** As it was, with no `sendBeacon` at all. */
export function letGo(): void {
  Reflect.deleteProperty(globalThis, 'navigator')
  globalThis.fetch = fetch
}
