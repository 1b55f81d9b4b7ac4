/**
 * Reads the vectors that both languages share (tests/vectors/*.json), and turns hexadecimal digits into bytes and back.
 */
import { readFileSync } from 'node:fs'

/** The content of one file; `T` is what its schema in tests/vectors/schema/ says. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller names the shape of the file
export function readVectors<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`../../../tests/vectors/${file}`, import.meta.url), 'utf8')) as T
}

export function fromHex(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits, 'hex'))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
