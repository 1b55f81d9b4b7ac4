/**
 * Structured clone as JSON: any value that a page can copy, as a skeleton, fixups and segments (PROTOCOL.md section 5),
 * and back.
 *
 * The face of the codec; the work is in clone-encode.ts and clone-decode.ts. Twin: server/webipc/core/clone.py
 */
export { decode } from './decode.js'
export { encode } from './encode.js'
export type { Cloned, Fixup } from './skeleton.js'
