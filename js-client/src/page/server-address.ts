/**
 * The address of the server: from `globalThis.webipc.server`, which a worker can set before it imports the client;
 * else from `<meta name="webipc" content="…/ipc">` in the head; else the folder that this script was served from; else
 * `/ipc` at the page's origin.
 */
import { headMeta, ofDocument } from './own-document.js'

/** The names under which the server serves this script. Under any other name, a bundler has packed it. */
const SERVED = /^https?:[^?#]*\/client(\.global)?\.js([?#]|$)/

/**
 * @param script - the address of this script, if it is known
 * @returns an address such as `https://example.org/ipc`; undefined if there is none (a page from a file, a program
 *   outside the browser)
 */
export function findAddress(script: string | undefined): string | undefined {
  try {
    const { origin, location } = globalThis as { origin?: string, location: Location }
    // The address of a blob or of `srcdoc` is no base. The origin is 'null' for a page from a file, and undefined for a
    // program outside the browser that has given itself a location alone.
    const url = new URL(named() ?? served(script) ?? `${origin ?? location.origin}/ipc`)
    return /^https?:$/.test(url.protocol) ? url.origin + url.pathname.replace(/\/+$/, '') : undefined
  } catch {
    return undefined
  }
}

/**
 * The address of a WebSocket. From the second attempt on, each socket has its own path: after failures on one path,
 * Firefox delays the next socket of that path, by up to a minute, and resets the delay late.
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
  const { webipc } = globalThis as { webipc?: { server?: unknown } }
  // An element that is named `webipc` may stand in its place: HTML without a script must not choose the server.
  const server = webipc?.server
  const content = typeof server === 'string' ? server : headMeta('webipc')
  return content === undefined ? undefined : new URL(content, ofDocument('baseURI')).href
}

function served(script = ''): string | undefined {
  return SERVED.test(script) ? new URL('.', script).href : undefined
}
