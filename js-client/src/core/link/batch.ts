/**
 * Which messages go into one frame, and how many bytes the frame has at most (PROTOCOL.md section 3).
 *
 * Must not know their numbers, nor what becomes of them: that is link.ts. Twin: server/webipc/core/link_batch.py
 */
import type { EncodedMessage } from '../frame.js'
import type { Limits } from '../limits.js'
import { isPart } from './parcel.js'

/** What a frame has besides its messages, at most: the numbers, brackets and the length of the JSON. */
const HEAD_BYTES = 64

/** The first messages of a queue, as many as one frame holds, and how many bytes that frame has, at most. */
export interface Batch {
  readonly messages: readonly EncodedMessage[]
  readonly size: number
}

/**
 * @param queued - gives the message at an index of the queue, undefined behind its end
 * @param room - how many bytes the frame may have
 */
export function batchOf(queued: (index: number) => EncodedMessage | undefined, limits: Limits, room: number): Batch {
  const messages: EncodedMessage[] = []
  let size = HEAD_BYTES
  for (let message = queued(0); message; message = queued(messages.length)) {
    const larger = size + framedSize(message)
    if (larger > room || !fits(message, messages, larger, limits)) break
    messages.push(message)
    size = larger
  }
  return { messages, size }
}

/** How many bytes the frame of this message alone has, at most. */
export function frameSize(message: EncodedMessage): number {
  return HEAD_BYTES + framedSize(message)
}

/** PROTOCOL.md 3: so many messages, and only one when it is large; 4.3: a part travels alone. */
function fits(
  message: EncodedMessage, batch: readonly EncodedMessage[], size: number, { frameMessages, frameBytes }: Limits,
): boolean {
  const [head] = batch
  return !head || (batch.length < frameMessages && size <= frameBytes && !isPart(message) && !isPart(head))
}

/** What a message takes in a frame, at most: a comma and its list of lengths too; a segment's padding and length. */
function framedSize(message: EncodedMessage): number {
  return message.size + 4 + 24 * message.segments.length
}
