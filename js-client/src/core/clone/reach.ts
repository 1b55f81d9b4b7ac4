/**
 * Counts the nodes of a value when every reference in it is followed.
 *
 * A kilobyte of references can expand to gigabytes in code that walks the value later. So encoder and decoder count
 * first. Twin: server/webipc/core/clone/reach.py
 */
import { isContainer, locate, setOwn, type Fixup } from './skeleton.js'

/**
 * Counts the nodes that are reached from the skeleton when every reference is followed; a reference to an enclosing
 * object counts as one. Returns 0 if there is no reference, and stops at more than `most`. The fixups must be valid.
 * Meanwhile each reference is replaced by its target in the skeleton, which is restored before this returns.
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
 * Counts the nodes on the stack and inside them. No recursion, because a chain of references can be deeper than the
 * engine's stack. A function on the stack closes a container after everything inside it is counted.
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
