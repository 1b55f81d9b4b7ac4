/**
 * JSON as the wire needs it, whatever scripts of the page have made of it: `JSON` as it was at load, and no `toJSON`
 * that every array or object inherits, as from Prototype.js.
 */
import { isContainer, setOwn } from './skeleton.js'

export const { parse: parseJson }: { readonly parse: (text: string) => unknown } = JSON
const { stringify } = JSON

export function toJson(value: unknown): string {
  return stringify('toJSON' in [] ? shielded(value) : value)
}

/** Gives each array and object a property of its own, which hides the inherited one and is no part of the JSON. */
function shielded(node: unknown): unknown {
  if (isContainer(node)) {
    Object.values(node).forEach(shielded)
    if (!Object.hasOwn(node, 'toJSON')) setOwn(node, 'toJSON', undefined, false)
  }
  return node
}
