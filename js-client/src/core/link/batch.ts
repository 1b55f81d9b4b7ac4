/**
 * Selects the messages of one frame, and bounds the size of that frame (PROTOCOL.md section 3).
 * Twin: server/webipc/core/link/batch.py
 */
import type { EncodedMessage } from '../frame.js'
import type { Limits } from '../limits.js'
import { isPart } from './parcel.js'

/** The overhead of a frame, at most: its numbers, brackets and the length of the JSON. */
const HEAD_BYTES = 64

/** The messages of one frame, and an upper bound of its size in bytes. */
export interface Batch {
  readonly messages: readonly EncodedMessage[]
  readonly size: number
}

/**
 * @param queued - returns the message at an index of the queue, undefined after its end
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

/** An upper bound of the size of a frame with this one message, in bytes. */
export function frameSize(message: EncodedMessage): number {
  return HEAD_BYTES + framedSize(message)
}

/** PROTOCOL.md 3: a limited number of messages, and a large one alone; 4.3: a part alone. */
function fits(
  message: EncodedMessage, batch: readonly EncodedMessage[], size: number, { frameMessages, frameBytes }: Limits,
): boolean {
  const [head] = batch
  return !head || (batch.length < frameMessages && size <= frameBytes && !isPart(message) && !isPart(head))
}

/** An upper bound of a message's bytes in a frame: with its comma, its list of lengths, and each segment's padding. */
function framedSize(message: EncodedMessage): number {
  return message.size + 4 + 24 * message.segments.length
}
