/**
 * Reads a value from skeleton, fixups and segments (PROTOCOL.md section 5): finds the place of every fixup, makes the
 * objects (and finds for a reference the one that it leads to), fills the containers.
 *
 * Trusts nothing: whatever is not as that section says ends in a ProtocolError. What each code means is in
 * clone-codes.ts.
 * Twin: server/webipc/core/clone_decode.py
 */
import { CODES, make, type Run, type Site } from './codes.js'
import { countNodes } from './reach.js'
import { check, isDeeper, locate, setOwn, type Fixup } from './skeleton.js'
import { DEFAULT_LIMITS, type Limits } from '../limits.js'

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
  const run: Run = { limits, segments, root: [skeleton], buffers: new Map(), sites: new Set(sites) }
  each(sites, findPlace, run)
  // What walks the value later follows all references: a few doubling ones make gigabytes of a kilobyte.
  check(countNodes(run.root, fixups as Fixup[], limits.nodes) <= limits.nodes, 'nodes')
  each(sites, takePlace, run)
  each(sites, make, run)
  check(run.buffers.size === segments.length, 'segments')
  for (const { holder, key, value } of sites) setOwn(holder, key, value)
  for (const { code: [, , , fill], value, node } of sites) fill?.(value as never, node as never)
  return run.root[0]
}

/** Does something with every site; whatever that throws is the fault of the fixup. */
function each(sites: readonly Site[], step: (site: Site, run: Run) => void, run: Run): void {
  for (const site of sites) {
    try {
      step(site, run)
    } catch {
      // Of the value itself nothing is told: that is the application's.
      check(false, JSON.stringify(site.fixup).slice(0, 80))
    }
  }
}

function findPlace(site: Site, { root }: Run): void {
  const [name, path, target] = site.fixup
  const code = CODES.get(name)
  check(code)
  const [, , size = 2] = code
  const more = site.fixup.length - size
  check(more === 0 || (more === 1 && 'bv'.includes(name)))
  const [holder, key] = locate(root, path)
  Object.assign(site, { code, holder, key, node: holder[key], target: name === '@' && locate(root, target) })
}

function takePlace(site: Site): void {
  // Otherwise another fixup has taken it.
  check(site.holder[site.key] === site.node)
  setOwn(site.holder, site.key, site)
}
