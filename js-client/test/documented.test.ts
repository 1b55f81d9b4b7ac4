/**
 * The examples of PROTOCOL.md, which tests/vectors/documented.json repeats: this side takes each of them as well, and
 * knows the fixup codes that the document lists.
 * Twin: tests/project/test_protocol_document.py
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { CODES } from '../src/core/clone/codes.js'
import { decodeValue, parse, parseControl, parsePageControl } from '../src/core/envelope.js'
import { decodeFrame } from '../src/core/frame.js'
import { readVectors } from './support/vectors.js'

interface Documented {
  readonly spec: string
  readonly message?: readonly unknown[]
  readonly frame?: readonly unknown[]
}

const documented = readVectors<Documented[]>('documented.json')
const document = readFileSync(new URL('../../PROTOCOL.md', import.meta.url), 'utf8')

/** A part has a byte, because its piece is its only segment. */
function takeMessage(fields: readonly unknown[]): void {
  const segments = fields[0] === 'part' ? [new Uint8Array(1)] : []
  const [envelope] = parse([{ fields, segments }])
  assert.ok(envelope)
  assert.equal(envelope.kind, fields[0])
  if ('value' in envelope) decodeValue(envelope)
}

function takeFrame(frame: readonly unknown[]): void {
  const { control, messages } = decodeFrame(JSON.stringify(frame))
  const isPage = ['hello', 'bye', 'await'].includes(String(control?.[0]))
  if (control) assert.equal((isPage ? parsePageControl : parseControl)(control).kind, control[0])
  else for (const { fields } of messages) takeMessage(fields)
}

describe('the code accepts each example of the document', () => {
  for (const [index, { spec, message, frame }] of documented.entries()) {
    test(`${index} in ${spec}`, () => {
      if (message) takeMessage(message)
      else takeFrame(frame ?? [])
    })
  }
})

test('the fixup codes of the document are those of the code', () => {
  const [, table = ''] = document.split('| code | value |')
  const codes = [...(table.split('\n\n')[0] ?? '').matchAll(/^\| `(.)` \|/gm)].map(([, code]) => code)
  assert.deepEqual(codes, [...CODES.keys()])
})
