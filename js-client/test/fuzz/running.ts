/**
 * Runs a fuzz target, and counts the calls of functions that reading takes. Twin: tests/fuzz/running.py
 *
 * V8 counts them by itself (precise coverage); asking for the counts takes long, so they are asked for once per batch.
 */
import { Session } from 'node:inspector'
import { Random } from './damage.js'
import { TARGETS, type Attack } from './targets.js'

/** What reading may take: so many calls of functions, and so many for each byte. */
const FREE_CALLS = 20_000
const CALLS_PER_BYTE = 60

/** What is wrong with the reading of some inputs: an unexpected error, or too many calls for their size. */
export function faultsOf(name: string, attacks: readonly Attack[]): string[] {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  const faults = attacks.flatMap((attack) => faultOf(name, attack))
  let calls = 0
  session.post('Profiler.takePreciseCoverage', (_error, { result }) => {
    const ours = result.filter(({ url }) => url.includes('/src/core/'))
    for (const { functions } of ours) for (const { ranges } of functions) calls += ranges[0]?.count ?? 0
  })
  session.disconnect()
  const bytes = attacks.reduce((sum, { data, segments }) => (
    segments.reduce((inner, segment) => inner + segment.length, sum + data.length)
  ), 0)
  const most = FREE_CALLS * attacks.length + CALLS_PER_BYTE * bytes
  return calls > most ? [...faults, `${name}: ${calls} calls for ${bytes} bytes`] : faults
}

/** Inputs of a target; the same ones for the same seed. */
export function attacksOn(name: string, seed: number, count: number): Attack[] {
  const random = new Random(seed)
  return Array.from({ length: count }, () => targetOf(name).make(random))
}

function faultOf(name: string, attack: Attack): string[] {
  try {
    targetOf(name).read(attack)
    return []
  } catch (error) {
    const [data, ...segments] = [attack.data, ...attack.segments].map((bytes) => Buffer.from(bytes).toString('latin1'))
    return [`${name}: ${String(error)} for ${JSON.stringify([data, segments]).slice(0, 2_000)}`]
  }
}

function targetOf(name: string): typeof TARGETS[string] & object {
  const target = TARGETS[name]
  if (!target) throw new Error(`a target is one of ${Object.keys(TARGETS).join()}, not ${name}`)
  return target
}
