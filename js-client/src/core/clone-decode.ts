/**
 * Reads a value from skeleton, fixups and segments (PROTOCOL.md section 5): finds the place of every fixup, makes the
 * objects, resolves the references, fills the containers.
 *
 * Trusts nothing: whatever is not as that section says ends in a ProtocolError. What each code means is in
 * clone-codes.ts.
 * Twin: server/webipc/core/clone_decode.py
 */
import { CODES, make, type Run, type Site } from './clone-codes.js'
import { countNodes } from './clone-reach.js'
import { check, isContainer, isDeeper, locate, setOwn, type Fixup, type Key } from './clone-skeleton.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'

/**
 * Reads a value; may reuse the skeleton. `fixups` is what the message had, `[]` for none; the segments are copied.
 *
 * @throws ProtocolError (4400) for whatever PROTOCOL.md section 5 refuses
 */
export function decode(
  skeleton: unknown,
  fixups: readonly unknown[],
  segments: readonly Uint8Array[],
  limits: Limits = DEFAULT_LIMITS,
): unknown {
  check(!isDeeper(skeleton, limits.depth), 'depth')
  check(fixups.length <= limits.fixups, 'fixups')
  check(segments.length <= limits.segments, 'segments')
  const sites = fixups.map((fixup) => ({ fixup }) as Site)
  const run: Run = { limits, segments, root: [skeleton], buffers: new Map(), places: new Map() }
  for (const step of [findPlace, make, follow]) for (const site of sites) blame(site, () => { step(site, run) })
  check(run.buffers.size === segments.length, 'segments')
  // What walks the value later follows them all: a few doubling references make gigabytes of a kilobyte.
  check(countNodes(run.root, fixups as Fixup[], limits.nodes) <= limits.nodes, 'nodes')
  for (const { holder, key, value } of sites) setOwn(holder, key, value)
  for (const { code: [, , , fill], value, node } of sites) fill?.(value as never, node as never)
  return run.root[0]
}

/** Whatever `step` throws is the fault of the fixup. */
function blame({ fixup }: Site, step: () => void): void {
  try {
    step()
  } catch {
    // Of the value itself nothing is told: that is the application's.
    check(false, JSON.stringify(fixup).slice(0, 80))
  }
}

function findPlace(site: Site, { root, places }: Run): void {
  const [name, path] = site.fixup
  const code = CODES.get(name)
  check(code !== undefined)
  const more = site.fixup.length - code[0]
  check(more === 0 || (more === 1 && 'bv'.includes(name)))
  const [holder, key] = locate(root, path)
  const sites = places.get(holder) ?? new Map<Key, Site>()
  check(!sites.has(key))
  places.set(holder, sites.set(key, Object.assign(site, { code, holder, key, node: holder[key] })))
}

/** Gives a reference what it leads to: an object. One round is enough, because it may not lead to another reference. */
function follow(site: Site, { root, places }: Run): void {
  const [name, , path] = site.fixup
  if (name !== '@') return
  const [holder, key] = locate(root, path)
  const target = places.get(holder)?.get(key)
  check(target ? !'ufn@'.includes(target.fixup[0]) : isContainer(holder[key]))
  site.value = target ? target.value : holder[key]
}
