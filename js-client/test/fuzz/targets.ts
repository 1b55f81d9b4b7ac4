/**
 * One fuzz target for each decoder of the page: what reads bytes that a peer has chosen. The only outcomes are a value
 * and the errors that a target names. Seeds are the vectors. Twin: tests/fuzz/targets.py
 */
import { decode, encode } from '../../src/core/clone/index.js'
import { parse, parseControl, parsePageControl } from '../../src/core/envelope.js'
import { LimitError, ProtocolError, UnreadableError } from '../../src/core/errors.js'
import { decodeBody, decodeFrame, decodeParcel } from '../../src/core/frame.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { fromHex, readVectors } from '../support/vectors.js'
import { damage, damageBytes, web, type Random } from './damage.js'

interface Vector {
  readonly text?: string
  readonly hex?: string
  readonly wire?: string
  readonly segments?: readonly string[]
}

/** One input: JSON or any bytes, and its segments. */
export interface Attack {
  readonly data: Uint8Array
  readonly segments: readonly Uint8Array[]
}

interface Target {
  readonly make: (random: Random) => Attack
  readonly read: (attack: Attack) => unknown
}

const vectors = (...files: string[]): Vector[] => files.flatMap((file) => readVectors<Vector[]>(file))
const frames = vectors('frames.json', 'rejected_frames.json')
const messages = vectors('envelopes.json')
const values = vectors('values.json', 'rejected_values.json', 'unreadable_values.json')
  // The deepest would take most of the time.
  .filter(({ wire }) => (wire as string).length < 3_000)

export function attackOf(text: string, segments: readonly string[] = []): Attack {
  return { data: Buffer.from(text), segments: segments.map((hex) => fromHex(hex)) }
}

function someFrame(random: Random): Attack {
  const { hex, text = '' } = random.choice(frames)
  if (hex !== undefined) return { data: damageBytes(fromHex(hex), random), segments: [] }
  try {
    if (random.next() < 0.7) return attackOf(damage(text, random))
  } catch {
    // Not JSON.
  }
  return { data: damageBytes(Buffer.from(text), random), segments: [] }
}

function someMessage(random: Random): Attack {
  const { wire = '' } = random.choice(messages)
  return attackOf(damage(wire, random), random.choice([[], [], ['616263'], ['', '00', 'ff']]))
}

function someValue(random: Random): Attack {
  if (random.next() < 0.2) return attackOf(web(random))
  const { wire = '', segments } = random.choice(values)
  return attackOf(damage(JSON.stringify([...JSON.parse(wire) as unknown[], []].slice(0, 2)), random), segments)
}

/** What is refused by one reader is read by the next. */
function refused(read: () => unknown): void {
  try {
    read()
  } catch (error) {
    if (!(error instanceof ProtocolError || error instanceof UnreadableError)) throw error
  }
}

function readValue({ data, segments }: Attack): unknown {
  const loaded: unknown = JSON.parse(new TextDecoder().decode(data))
  const pair: readonly unknown[] = Array.isArray(loaded) ? loaded : [loaded, []]
  const [skeleton, fixups = []] = pair
  if (!Array.isArray(fixups)) throw new ProtocolError('a frame refuses it')
  return decode(skeleton, fixups, segments, DEFAULT_LIMITS)
}

export const TARGETS: Readonly<Record<string, Target>> = {
  frame: {
    make: someFrame,
    read({ data }) {
      refused(() => decodeFrame(data))
      refused(() => decodeParcel([data]))
      refused(() => decodeBody(data))
      refused(() => decodeFrame(new TextDecoder().decode(data)))
    },
  },
  envelope: {
    make: someMessage,
    read({ data, segments }) {
      const fields = JSON.parse(new TextDecoder().decode(data)) as unknown
      if (!Array.isArray(fields)) return
      refused(() => parseControl(fields))
      refused(() => parsePageControl(fields))
      refused(() => parse([{ fields, segments }]))
    },
  },
  clone: {
    make: someValue,
    read(attack) {
      refused(() => {
        const value = readValue(attack)
        try {
          encode(value)
        } catch (error) {
          if (!(error instanceof LimitError)) throw error
        }
      })
    },
  },
}
