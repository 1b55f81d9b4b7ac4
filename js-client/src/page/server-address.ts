/**
 * Where the server is: what the page says in `<meta name="webipc" content="…/ipc">`, else where this script was
 * served from, else `/ipc` at the page's origin. Knows no transport, and asks nobody.
 */

/** The names under which the server serves this script; under any other name a bundler has packed it. */
const SERVED = /^https?:[^?#]*\/client(\.global)?\.js([?#]|$)/

/**
 * @param script - the address of this script, where that is known
 * @returns an address such as `https://example.org/ipc`, or undefined where none can be told (a page from a file,
 *   a program without pages)
 */
export function findAddress(script: string | undefined): string | undefined {
  try {
    const url = new URL(named() ?? served(script) ?? '/ipc', globalThis.location.href)
    return /^https?:$/.test(url.protocol) ? url.origin + url.pathname.replace(/\/+$/, '') : undefined
  } catch {
    return undefined
  }
}

/**
 * A WebSocket has a scheme of its own. From the second attempt on each has a path of its own as well: Firefox makes a
 * page wait, at last for a minute, before the next socket of a path on which sockets have failed, and forgets it late.
 */
export function socketAddress(address: string, attempt: number): string {
  return `${address.replace(/^http/, 'ws')}/socket${attempt > 1 ? `/${attempt}` : ''}`
}

export function syncAddress(address: string): string {
  return `${address}/sync`
}

export function beaconAddress(address: string): string {
  return `${address}/beacon`
}

function named(): string | undefined {
  if (typeof document === 'undefined') return undefined
  const meta = document.querySelector<HTMLMetaElement>('meta[name=webipc]')
  return meta ? new URL(meta.content, document.baseURI).href : undefined
}

function served(script = ''): string | undefined {
  return SERVED.test(script) ? new URL('.', script).href : undefined
}
