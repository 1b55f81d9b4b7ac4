/**
 * Plays every dialogue of tests/vectors/transcripts/ with one core, on the side that the file names. An unknown
 * step fails, and so does a result that a step does not mention. Twin: tests/core/test_transcripts.py
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, test } from 'node:test'
import { Answers, Calls } from '../../src/core/calls.js'
import { parse, type Envelope } from '../../src/core/envelope.js'
import { ProtocolError, ResetError, WebipcError } from '../../src/core/errors.js'
import { decodeFrame, sized, type EncodedMessage } from '../../src/core/frame.js'
import { DEFAULT_LIMITS, type Limits } from '../../src/core/limits.js'
import { claim, Link, replace, Side } from '../../src/core/link/index.js'
import { fromHex, readVectors, toHex } from '../support/vectors.js'
import { bodyOf } from './links.js'

interface Step extends Readonly<Record<string, unknown>> {
  readonly do?: string
  readonly receive?: string | { readonly hex: string }
  readonly expect?: Readonly<Record<string, unknown>>
  readonly attempt?: number | null
  readonly delivers?: readonly (string | { readonly message: string, readonly segments: readonly string[] })[]
  readonly gives?: unknown
  readonly error?: string | number
}

interface Transcript {
  readonly name: string
  readonly side: 'main' | 'renderer'
  readonly limits?: Readonly<Record<string, number>>
  readonly steps: readonly Step[]
}

const names = readdirSync(new URL('../../../tests/vectors/transcripts/', import.meta.url))
  .filter((name) => name.endsWith('.json'))
const transcripts = names.map((name) => readVectors<Transcript>(`transcripts/${name}`))

const camel = (name: string): string => name.replace(/_(\w)/g, (_match, letter: string) => letter.toUpperCase())

/** A frame as a transcript writes it. */
const written = (frame: string | Uint8Array): unknown => typeof frame === 'string' ? frame : { hex: toHex(frame) }

function encoded(step: Step): EncodedMessage {
  return sized(step['message'] as string, ((step['segments'] ?? []) as string[]).map(fromHex))
}

/** The error as a transcript names it: the close code of the peer's fault, the reason of a reset, or else the code. */
function nameOf(error: unknown): string | number {
  if (error instanceof ProtocolError) return error.closeCode
  if (error instanceof ResetError) return error.reason
  if (error instanceof WebipcError) return error.code
  throw error
}

class Player {
  readonly #link: Link
  readonly #calls: Calls<unknown>
  readonly #answers: Answers
  readonly #limits: Limits

  constructor({ side, limits = {} }: Transcript) {
    const named = Object.fromEntries(Object.entries(limits).map(([name, limit]) => [camel(name), limit]))
    this.#limits = { ...DEFAULT_LIMITS, ...named }
    const role = side === 'main' ? Side.MAIN : Side.RENDERER
    this.#link = new Link(role, this.#limits)
    this.#calls = new Calls(role, this.#limits)
    this.#answers = new Answers(role, this.#limits)
  }

  /** Each `do` of the transcripts: what it calls, with which arguments. */
  readonly #dos: Readonly<Record<string, (step: Step) => unknown>> = {
    post: (step) => this.#link.post(encoded(step)),
    replace: (step) => { replace(this.#link, step['seq'] as number, encoded(step)) },
    attach: (step) => { this.#link.attach(step.attempt as number, step['received'] as number) },
    detach: (step) => { this.#link.detach(step.attempt as number) },
    claim: (step) => claim(this.#link, step.attempt as number),
    can_resume: (step) => this.#link.canResume(step['first'] as number, step['received'] as number),
    take: () => { const frame = this.#link.takeFrame(); return frame && written(frame) },
    bare: () => this.#link.bareFrame(),
    backlog: (step) => bodyOf(this.#link, step['max'] as number | undefined).map(written),
    was_handed: (step) => this.#link.wasHanded(step['seq'] as number),
    end: () => this.#link.end(),
    open: (step) => this.#calls.open(step['record']),
    settle: (step) => this.#calls.settle(step['id'] as number) ?? null,
    fail_all: () => this.#calls.failAll(),
    begin: (step) => { this.#answers.begin(step['id'] as number) },
    finish: (step) => this.#answers.finish(step['id'] as number),
  }

  play(step: Step): void {
    if (step.error === undefined) {
      this.#succeed(step)
    } else {
      assert.throws(() => { this.#succeed({ ...step, gives: undefined, delivers: [] }) }, (error) => {
        assert.equal(nameOf(error), step.error)
        return true
      })
    }
  }

  #succeed(step: Step): void {
    if (step.receive !== undefined) this.#receive(step)
    else if (step.expect !== undefined) this.#expect(step.expect)
    else this.#do(step)
  }

  #do(step: Step): void {
    const action = this.#dos[step.do ?? '']
    assert.ok(action, `no such step: ${JSON.stringify(step)}`)
    const given = action(step)
    if ('gives' in step || given === null) assert.deepEqual(given, step.gives)
  }

  #receive({ receive, attempt, delivers = [] }: Step): void {
    const frame = decodeFrame(typeof receive === 'string' ? receive : fromHex(receive?.hex ?? ''), this.#limits)
    assert.deepEqual(this.#link.receive(frame, attempt as number | null), delivers.flatMap(envelopes))
  }

  #expect(expected: Readonly<Record<string, unknown>>): void {
    for (const [name, value] of Object.entries(expected)) {
      const told: unknown = name === 'kept_count' ? this.#link.kept.size : Reflect.get(this.#link, camel(name))
      assert.deepEqual(told, value, name)
    }
  }
}

function envelopes(delivered: string | { readonly message: string, readonly segments: readonly string[] }): Envelope[] {
  const { message, segments } = typeof delivered === 'string' ? { message: delivered, segments: [] } : delivered
  return parse([{ fields: JSON.parse(message) as unknown[], segments: segments.map(fromHex) }])
}

describe('transcripts', () => {
  test('there are many, of both sides', () => {
    assert.ok(transcripts.length > 50)
    assert.deepEqual(new Set(transcripts.map(({ side }) => side)), new Set(['main', 'renderer']))
  })

  for (const transcript of transcripts) {
    test(transcript.name, () => {
      const player = new Player(transcript)
      transcript.steps.forEach((step) => { player.play(step) })
    })
  }
})
