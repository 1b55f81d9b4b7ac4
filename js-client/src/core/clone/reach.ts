/**
 * Counts the nodes of a value when every reference in it is followed.
 *
 * A kilobyte of references can expand to gigabytes in code that walks the value later. So encoder and decoder count
 * first. Counting takes steps in proportion to the skeleton and its references, whatever they refer to.
 * Twin: server/webipc/core/clone/reach.py
 */
import { isContainer, locate, setOwn, type Container, type Fixup } from './skeleton.js'

/**
 * Counts the nodes that are reached from the skeleton when every reference is followed; a reference to an enclosing
 * object counts as one. Returns 0 if there is no reference, more than `most` as soon as there are more, and Infinity if
 * counting would take too many steps, because of the ways through cycles. The fixups must be valid.
 * Meanwhile each reference is replaced by its target in the skeleton, which is restored before this returns.
 */
export function countNodes(root: readonly [unknown], fixups: readonly Fixup[], most: number): number {
  const links = fixups.filter(([code]) => code === '@').map(([, path, target]) => {
    const [holder, key] = locate(root, target)
    return [...locate(root, path), holder[key]] as const
  })
  for (const link of links) setOwn(...link)
  const looks = FREE_LOOKS + links.length * LOOKS_PER_REFERENCE
  const count = links.length > 0 ? countInside(root as unknown as Container, most, looks) : 0
  for (const [holder, key] of links) setOwn(holder, key, null)
  return count
}

/**
 * What is in a cycle counts differently from place to place, so it is entered again; and there may be exponentially
 * many ways through a few objects that all refer to each other. So many containers may be looked at again, and so many
 * more for each reference.
 */
const FREE_LOOKS = 2_000
const LOOKS_PER_REFERENCE = 16

/** A container that the walk is in. */
interface Opened {
  readonly node: Container
  /** The containers in it that are still to be looked at. */
  readonly inside: Iterator<Container>
  /** How many nodes were counted before it. */
  readonly start: number
  /** Whether something in it leads to what encloses it. */
  hasCycle: boolean
}

/**
 * The nodes inside a container; more than `most` if there are more, Infinity if counting would take too many steps. No
 * recursion, because a chain of references can be deeper than the engine's stack.
 */
function countInside(root: Container, most: number, looks: number): number {
  const open: Opened[] = []
  /** Of each container that was entered: how many members it has, and the containers among them. */
  const parts = new Map<Container, readonly [number, readonly Container[]]>()
  /** The nodes of each container without a cycle; 0 while the walk is in it. */
  const sizes = new Map<Container, number>()
  let count = -1
  const enter = (node: Container): void => {
    const known = parts.get(node)
    const members = known ? [] : Object.values(node)
    const [size, inside] = known ?? [members.length, members.filter(isContainer)]
    if (known) looks -= 1 + inside.length
    parts.set(node, [size, inside])
    sizes.set(node, 0)
    open.push({ node, inside: inside.values(), start: count, hasCycle: false })
    count += 1 + size - inside.length
  }
  const leave = ({ node, start, hasCycle }: Opened): void => {
    open.pop()
    if (hasCycle) sizes.delete(node)
    else sizes.set(node, count - start)
    const above = open.at(-1)
    if (above) above.hasCycle ||= hasCycle
  }
  const look = (last: Opened, node: Container): void => {
    const size = sizes.get(node)
    if (size === undefined) enter(node)
    count += size || Number(size === 0)
    last.hasCycle ||= size === 0
  }
  enter(root)
  for (let last = open[0]; last && count <= most && looks >= 0; last = open.at(-1)) {
    const next = last.inside.next()
    if (next.done) leave(last)
    else look(last, next.value)
  }
  return looks < 0 ? Infinity : count
}
