/**
 * Makes hostile input from good input: damages JSON at any place, damages bytes, and builds webs of references.
 * Twin: tests/fuzz/damage.py
 */

/** Random numbers that are the same for the same seed (mulberry32). */
export class Random {
  constructor(private state: number) {}

  /** A number from 0 up to 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** An integer from 0 up to `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  choice<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }
}

type Container = Record<string | number, unknown>
type Place = readonly [holder: Container, key: string]

const JUNK: readonly string[] = [
  'null', 'true', '-1', '0', '1', '2', '4294967295', '9007199254740992', '18446744073709551616', '1e308', '-0.0', '0.5',
  '""', '"0"', '"-0"', '"NaN"', '"ff"', '"Error"', '"Uint8Array"', '"@"', '"a"', '"v"', '"__proto__"', '"constructor"',
  '"\\ud800"', '[]', '{}', '[0]', '[[]]', '[null]', '{"a":1}', '["d",[]]', '["@",[],[]]', '["m",[]]', '["s",[]]',
  '["a",[0],4294967295]', '["n",[0]]', '["r",[0]]', '["e",[],"Error"]', '["N",[]]', '["b",[],0,9007199254740992]',
  '["v",[0],"Int16Array",0,0,1]', '["v",[0],"Uint8Array",0,0,null,9007199254740991]', '{"__proto__":[]}',
]
const CODES = 'u f n d r m s a e N b v @'.split(' ')
/** Stands for arrays that are nested deeper than JSON.stringify could write. */
const DEEP = 'so deep'
const DEEPEST = 50_000

/** A copy of a JSON value that is damaged in a few places, as text. */
export function damage(text: string, random: Random): string {
  const root = [JSON.parse(text)] as unknown as Container
  for (let count = 1 + random.below(4); count > 0; count -= 1) {
    const place = random.choice(placesIn(root))
    random.choice(WAYS)(place, root, random)
  }
  const deep = '['.repeat(DEEPEST) + ']'.repeat(DEEPEST)
  return JSON.stringify(root[0] ?? null).replaceAll(JSON.stringify(DEEP), deep)
}

/** Bytes of which some are changed, repeated, inserted or missing. */
export function damageBytes(data: Uint8Array, random: Random): Uint8Array {
  let changed = [...data]
  for (let count = 1 + random.below(4); count > 0; count -= 1) {
    const at = random.below(changed.length + 1)
    const old = changed.slice(at, at + random.below(9))
    const piece = random.choice([[], [...old, ...old], [random.below(256)], [...Buffer.from('["\\ud800')]])
    changed = [...changed.slice(0, at), ...piece, ...changed.slice(at + old.length)]
  }
  return Uint8Array.from(changed)
}

/** `[skeleton, fixups]` of a few containers with references to each other, many of them in cycles, as text. */
export function web(random: Random): string {
  const count = random.choice([3, 8, 20, 60, 200])
  const keys = ['a', 'b', 'c', 'd'].slice(0, 1 + random.below(4))
  const containers = Array.from({ length: count }, () => (
    random.next() < 0.5 ? keys.map(() => null) : Object.fromEntries(keys.map((key) => [key, null]))
  ))
  const fixups = containers.flatMap((container, at) => Object.keys(container).map((key) => (
    ['@', [at, Array.isArray(container) ? Number(key) : key], random.choice([[random.below(count)], [at + 1], []])]
  )))
  return JSON.stringify([containers, fixups.filter(() => random.next() < 0.9)])
}

function placesIn(root: Container): Place[] {
  const found: Place[] = []
  const waiting = [root]
  for (let holder = waiting.pop(); holder; holder = waiting.pop()) {
    for (const [key, value] of Object.entries(holder)) {
      found.push([holder, key])
      if (typeof value === 'object' && value !== null) waiting.push(value as Container)
    }
  }
  return found
}

function set([holder, key]: Place, value: unknown): void {
  Object.defineProperty(holder, key, { value, configurable: true, enumerable: true, writable: true })
}

const WAYS: readonly ((place: Place, root: Container, random: Random) => void)[] = [
  (place, _root, random) => { set(place, JSON.parse(random.choice(JUNK))) },
  (place, _root, random) => { if (random.below(9) === 0) set(place, DEEP) },
  (place, root, random) => {
    const [other, there] = random.choice(placesIn(root))
    set(place, structuredClone(other[there]))
  },
  ([holder, key], root, random) => {
    if (!Array.isArray(holder) || holder === root) return
    const repeated: unknown = holder[Number(key)]
    holder.splice(Number(key), 0, ...Array.from({ length: random.choice([1, 2, 50]) }, () => structuredClone(repeated)))
  },
  ([holder, key], root) => {
    if (holder === root) return
    if (Array.isArray(holder)) holder.splice(Number(key), 1)
    else Reflect.deleteProperty(holder, key)
  },
  (place, _root, random) => {
    let value = place[0][place[1]]
    for (let depth = random.choice([1, 2, 300]); depth > 0; depth -= 1) value = [value]
    set(place, value)
  },
  (place, _root, random) => {
    if (typeof place[0][place[1]] === 'string') set(place, random.choice(CODES))
  },
]
