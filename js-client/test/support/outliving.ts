/** Captures the two requests that outlive a document, `sendBeacon` and `fetch` with `keepalive`, for a test. */

export interface Request { readonly url: string, readonly body: Blob, readonly init?: RequestInit }

/** The requests of each of the two, in order. */
export interface Outliving { readonly beacons: Request[], readonly fetches: Request[] }

const { fetch } = globalThis

/** @param allow - returns whether the browser accepts a beacon, or throws */
export function catchOutliving(allow: (body: Blob) => boolean = () => true): Outliving {
  const outliving: Outliving = { beacons: [], fetches: [] }
  const sendBeacon = (url: string, body: Blob): boolean => allow(body) && outliving.beacons.push({ url, body }) > 0
  // Node 20 has no navigator.
  Object.defineProperty(globalThis, 'navigator', { value: { sendBeacon }, configurable: true })
  globalThis.fetch = (url, init) => {
    outliving.fetches.push({ url: url as string, body: init?.body as Blob, ...init && { init } })
    return Promise.reject(new TypeError('connection refused'))
  }
  return outliving
}

/** Restores Node's state, without `sendBeacon`. */
export function letGo(): void {
  Reflect.deleteProperty(globalThis, 'navigator')
  globalThis.fetch = fetch
}
