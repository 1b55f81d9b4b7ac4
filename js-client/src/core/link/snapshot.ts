/**
 * The whole state of a link as plain values, and a link that goes on from them.
 * Twin: server/webipc/core/link/snapshot.py
 */
import { Link, type Side } from './index.js'
import type { EncodedMessage } from '../frame.js'
import type { Limits } from '../limits.js'
import { Parcel } from './parcel.js'

/** The fields of a link by name; `kept` in the order of the numbers, from `first` on. */
interface Snapshot extends Readonly<Record<string, unknown>> {
  readonly first: number
  readonly kept: readonly EncodedMessage[]
  readonly parcel: object
}

/** The state of a link as plain values. */
export function snapshot(link: Link): Snapshot {
  // eslint-disable-next-line @typescript-eslint/no-misused-spread -- the prototypes hold no state
  return { ...link, kept: [...link.kept.values()], parcel: { ...link.parcel } }
}

/** A link with the state of the snapshot. */
export function restore(side: Side, limits: Limits, { kept, parcel, ...state }: Snapshot): Link {
  const numbered = kept.map((message, index) => [state.first + index, message] as const)
  const coming = Object.assign(new Parcel(), parcel)
  return Object.assign(new Link(side, limits), state, { kept: new Map(numbered), parcel: coming })
}
