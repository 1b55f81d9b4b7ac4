/**
 * What a document says about itself in `hello` (PROTOCOL.md 6.1). Asks the browser; what a server makes of it, it does
 * not know.
 */
import { parentLink } from './embedding.js'
import { VERSION } from '../version.js'

/** Each may be absent. */
export interface Claims {
  readonly token: string | undefined
  readonly url: string | undefined
  readonly name: string | undefined
  readonly version: string
  /** The link of the document that embeds this one, where it has told. */
  readonly parent: string | undefined
  /** Of the server that welcomed this document last. */
  readonly process: string | undefined
}

/** @param address - of the server that is to hear it */
export function claimsOf(token: string | undefined, process: string | undefined, address: string | undefined): Claims {
  // A worker has no window, and a program without pages no location.
  const { location, name } = globalThis as { location?: Location, name?: string }
  const named = name === '' ? undefined : name
  return { token, url: location?.href, name: named, version: VERSION, parent: parentLink(address), process }
}
