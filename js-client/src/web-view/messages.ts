/**
 * What a guest and its host say to each other (PROTOCOL.md 11), and the copy that both make of arguments before they
 * leave. Knows neither windows nor ports: host.ts is the guest's side, guest.ts the host's.
 */
import { decode, encode } from '../core/clone/index.js'
import { refuseMore } from '../core/errors.js'
import { DEFAULT_LIMITS } from '../core/limits.js'

/** From a document to the window around it, beside a port that is the host's from then on. */
export interface Announcement {
  readonly webipc: 'guest'
  /** The document, by a random number: it may announce itself again. */
  readonly token: number
  readonly url: string
  /** The origins of the frames that the announcement came through, the document's own first; none from the guest. */
  readonly origins: readonly string[]
}

/** On the port, in both directions. */
export interface ChannelMessage {
  readonly channel: string
  readonly args: unknown[]
}

/** On the port, from the document; each key by itself, and those of a ChannelMessage. */
export interface GuestMessage extends Partial<ChannelMessage> {
  readonly webContentsId?: number
  /** The document has gone away. */
  readonly gone?: true
}

/**
 * The message for a call, with its arguments copied now, as every other send method copies them: a browser's own clone
 * would refuse a Proxy, and would not say where.
 *
 * @throws CloneError and LimitError, as `ipcRenderer.send`
 */
export function channelMessage(channel: string, args: unknown[]): ChannelMessage {
  refuseMore('channel_length', channel.length, DEFAULT_LIMITS.channelLength)
  const { skeleton, fixups, segments } = encode(args)
  return { channel, args: decode(skeleton, fixups, segments) as unknown[] }
}
