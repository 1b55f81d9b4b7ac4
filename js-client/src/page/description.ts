/**
 * The description of a document, which `hello` carries (PROTOCOL.md 6.1): its tab, address, name, version and parent,
 * and its bearer token.
 */
import { parentLink } from './embedding.js'
import { VERSION } from '../version.js'

/** Any field but the version may be absent. */
export interface DocumentDescription {
  readonly token: string | undefined
  readonly url: string | undefined
  readonly name: string | undefined
  readonly version: string
  /** The link of the document that embeds this one, if that document has the client and the same origin. */
  readonly parent: string | undefined
  /** The server process that welcomed this document last. */
  readonly process: string | undefined
  /** The bearer token of the page's user. */
  readonly auth: string | undefined
}

/** What a server keeps of each of them (PROTOCOL.md 9). A longer one would only make the first frame too large. */
const URL_LENGTH = 2048
const NAME_LENGTH = 256

/** @param address - of the server that the description is for */
export function describeDocument(
  token: string | undefined, process: string | undefined, address: string | undefined, auth?: string,
): DocumentDescription {
  // A worker has no window, and a program outside the browser has no location.
  const { location, name } = globalThis as { location?: Location, name?: string }
  const named = name?.slice(0, NAME_LENGTH)
  return {
    token,
    url: location?.href.slice(0, URL_LENGTH),
    name: named === '' ? undefined : named,
    version: VERSION,
    parent: parentLink(address),
    process,
    auth,
  }
}
