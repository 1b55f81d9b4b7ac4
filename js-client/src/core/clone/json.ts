/**
 * JSON as the wire needs it, whatever scripts of the page have made of it: `JSON` as it was at load, and no `toJSON`
 * that every array or object inherits, as from Prototype.js.
 */
import { isContainer, setOwn } from './skeleton.js'

const { parse, stringify } = JSON

export const parseJson: (text: string) => unknown = parse

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
