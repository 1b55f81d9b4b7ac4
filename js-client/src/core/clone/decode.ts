/**
 * Decodes a value from skeleton, fixups and segments (PROTOCOL.md section 5): finds the place of every fixup, makes the
 * objects and resolves references, then fills the containers.
 *
 * Validates everything: any violation of that section is a ProtocolError. The codes of fixups are in codes.ts.
 * Twin: server/webipc/core/clone/decoder.py
 */
import { CODES, make, type Run, type Site } from './codes.js'
import { countNodes } from './reach.js'
import { check, isDeeper, locate, setOwn, type Fixup } from './skeleton.js'
import { UnreadableError } from '../errors.js'
import { DEFAULT_LIMITS, type Limits } from '../limits.js'

/**
 * Decodes a value. May reuse the skeleton; copies the segments. `fixups` is `[]` if the message has none.
 *
 * @throws ProtocolError (4400) for everything that PROTOCOL.md section 5 refuses
 * @throws UnreadableError for what it allows and this engine cannot build, such as a RegExp of a newer syntax
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
  const sites = fixups.map((fixup) => ({ fixup, value: undefined }) as Site)
  const run: Run = { limits, segments, root: [skeleton], buffers: new Map(), sites: new Set(sites) }
  each(sites, findPlace, run)
  // Code that walks the value later follows all references: a few that double expand a kilobyte to gigabytes.
  const nodes = countNodes(run.root, fixups as Fixup[], limits.nodes)
  // Not counted to the end: another peer may have counted them all.
  if (nodes === Infinity) throw new UnreadableError('too many ways through references')
  check(nodes <= limits.nodes, 'nodes')
  each(sites, takePlace, run)
  each(sites, make, run)
  check(run.buffers.size === segments.length, 'segments')
  for (const { holder, key, value } of sites) setOwn(holder, key, value)
  for (const { code: [, , , fill], value, node } of sites) fill?.(value as never, node as never)
  return run.root[0]
}

/** Runs a step for every site. Any error but an UnreadableError is reported as the fault of that fixup. */
function each(sites: readonly Site[], step: (site: Site, run: Run) => void, run: Run): void {
  sites.forEach((site, index) => {
    try {
      step(site, run)
    } catch (error) {
      if (error instanceof UnreadableError) throw error
      // The text quotes nothing: it may be private to the application, or too deep for JSON.stringify.
      check(false, `fixup ${index}`)
    }
  })
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
  // Otherwise another fixup has the same place.
  check(site.holder[site.key] === site.node)
  setOwn(site.holder, site.key, site)
}
