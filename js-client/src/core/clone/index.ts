/**
 * Structured clone as JSON: encodes any value that a page can copy as a skeleton, fixups and segments (PROTOCOL.md
 * section 5), and decodes it. Twin: server/webipc/core/clone/__init__.py
 */
export { decode } from './decode.js'
export { encode } from './encode.js'
export type { Cloned, Fixup } from './skeleton.js'
