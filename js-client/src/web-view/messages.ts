/**
 * The messages between a guest and its host (PROTOCOL.md 11), and the copy of their arguments. host.ts is the guest's
 * side, guest.ts the host's.
 */
import { decode, encode } from '../core/clone/index.js'
import { refuseMore } from '../core/errors.js'
import { DEFAULT_LIMITS } from '../core/limits.js'

/** From a document to its parent window, together with a port for the host. */
export interface Announcement {
  readonly webipc: 'guest'
  /** A random number that identifies the document, which may announce itself again. */
  readonly token: number
  readonly url: string
  /** The origins of the frames that forwarded the announcement, the sender's first. The sender leaves it empty. */
  readonly origins: readonly string[]
}

/** On the port, in both directions. */
export interface ChannelMessage {
  readonly channel: string
  readonly args: unknown[]
}

/** On the port, from the document: one of these keys, or a ChannelMessage. */
export interface GuestMessage extends Partial<ChannelMessage> {
  readonly webContentsId?: number
  /** The document unloads. */
  readonly gone?: true
}

/**
 * Makes the message of a call, and copies its arguments as every send method does: the browser's own clone refuses a
 * Proxy, and its error does not say where.
 *
 * @throws CloneError and LimitError, as `ipcRenderer.send`
 */
export function channelMessage(channel: string, args: unknown[]): ChannelMessage {
  refuseMore('channel_length', channel.length, DEFAULT_LIMITS.channelLength)
  const { skeleton, fixups, segments } = encode(args)
  return { channel, args: decode(skeleton, fixups, segments) as unknown[] }
}
