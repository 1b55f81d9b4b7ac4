/**
 * How large a value becomes when every reference in it is followed.
 *
 * A kilobyte of references can stand for gigabytes in whatever walks the value later, so both directions count before
 * they go on. Knows no fixup but the reference. Twin: server/webipc/core/clone_reach.py
 */
import { isContainer, locate, setOwn, type Fixup } from './skeleton.js'

/**
 * How many nodes are reached from the skeleton when every reference is followed, a reference to an enclosing object
 * counting as one; 0 where there is no reference. Stops as soon as there are more than `most`. The fixups must be known
 * to be right. The skeleton is as before when this returns; in between, each reference stands in it as what it means.
 */
export function countNodes(root: readonly [unknown], fixups: readonly Fixup[], most: number): number {
  const links = fixups.filter(([code]) => code === '@').map(([, path, target]) => {
    const [holder, key] = locate(root, target)
    return [...locate(root, path), holder[key]] as const
  })
  for (const link of links) setOwn(...link)
  const count = links.length > 0 ? countFrom([...root], most) : 0
  for (const [holder, key] of links) setOwn(holder, key, null)
  return count
}

/**
 * Counts what is on the stack and in it; no recursion, because a chain of references can be longer than the engine's
 * stack is deep. A function on it closes a container, when everything inside of that has been counted.
 */
function countFrom(stack: unknown[], most: number): number {
  const open = new Set<unknown>()
  let count = 1
  while (stack.length > 0 && count <= most) {
    const node = stack.pop()
    if (typeof node === 'function') (node as () => void)()
    else if (isContainer(node) && !open.has(node)) {
      open.add(node)
      stack.push(() => open.delete(node))
      for (const member of Object.values(node)) {
        stack.push(member)
        count += 1
      }
    }
  }
  return count
}
