/**
 * Copies of large buffers with room in front of them, so that the head of a frame can be written there, and the frame
 * is sent without a second copy (PROTOCOL.md section 3). Only in the client.
 */

/** Room for the head of a frame, in bytes. A multiple of 8, where segments begin. */
const ROOM = 512

/** Below this many bytes a copy costs less than the room. */
const LARGE = 16_384

/** The copies whose room is not used yet. Other views of the same memory are not in it. */
const roomy = new WeakSet<Uint8Array>()

/** A copy of these bytes, with room in front if they are many. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length < LARGE) return bytes.slice()
  const copy = new Uint8Array(ROOM + bytes.length).subarray(ROOM)
  copy.set(bytes)
  roomy.add(copy)
  return copy
}

/**
 * The bytes together with `size` bytes in front of them, or undefined if there is no such room. Only once for the same
 * bytes: a frame never changes, whatever a socket does with it, and when the message is repeated, it is copied.
 */
export function withRoom(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> | undefined {
  if (size > ROOM || !roomy.delete(bytes)) return undefined
  return new Uint8Array(bytes.buffer as ArrayBuffer, ROOM - size)
}

/** The bytes in several arrays. No `reduce`: libraries have replaced it by another function of this name. */
export function lengthOf(chunks: readonly Uint8Array[]): number {
  let sum = 0
  for (const { length } of chunks) sum += length
  return sum
}
