/**
 * The hierarchy of errors, and the tables that both languages share. Twin: tests/core/test_errors.py
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as errors from '../../src/core/errors.js'
import { readVectors } from '../support/vectors.js'

interface Constants {
  readonly reason_bytes: number
  readonly close_codes: Record<string, number>
  readonly after_close: Record<string, string>
  readonly reset_reasons: readonly (readonly [code: number, text: string, reason: string])[]
}

const constants = readVectors<Constants>('constants.json')

test('the close codes are those of the vectors', () => {
  assert.deepEqual({ ...errors.CloseCode }, constants.close_codes)
})

test('what a page does after a close code is as in the vectors', () => {
  for (const [code, action] of Object.entries(constants.after_close)) {
    assert.equal(errors.afterClose(Number(code)), errors.AfterClose[action as keyof typeof errors.AfterClose], code)
  }
})

test('the reason of a reset is as in the vectors', () => {
  for (const [code, text, reason] of constants.reset_reasons) {
    assert.equal(errors.resetReason(code, text), reason, `${code} ${text}`)
  }
})

describe('the hierarchy', () => {
  const cases: [errors.WebipcError, string, string, (new (...args: never[]) => Error)[]][] = [
    [new errors.WebipcError('x'), 'WebipcError', 'webipc', [Error]],
    [new errors.LocalError('x'), 'LocalError', 'local', [errors.WebipcError]],
    [new errors.CloneError('args[0]', 'a function'), 'CloneError', 'not-cloneable', [errors.LocalError]],
    [new errors.LimitError('depth', 2, 1), 'LimitError', 'limit', [errors.LocalError]],
    [new errors.BufferFullError('kept_bytes', 2, 1), 'BufferFullError', 'buffer-full', [errors.LimitError]],
    [new errors.DestroyedError('x'), 'DestroyedError', 'destroyed', [errors.LocalError]],
    [new errors.LinkEndedError('x'), 'LinkEndedError', 'link-ended', [errors.LocalError]],
    [new errors.UnauthorizedError(4401, 'x'), 'UnauthorizedError', 'unauthorized', [errors.LocalError]],
    [new errors.RemoteError('x'), 'RemoteError', 'remote', [errors.WebipcError]],
    [new errors.ProtocolError('x'), 'ProtocolError', 'protocol', [errors.RemoteError]],
    [new errors.UnreadableError('x'), 'UnreadableError', 'unreadable', [errors.RemoteError]],
    [new errors.ResetError('ended', 'not-sent'), 'ResetError', 'not-sent', [errors.RemoteError]],
    [new errors.ResetError('gap'), 'ResetError', 'unknown-outcome', [errors.RemoteError]],
  ]
  for (const [error, name, code, classes] of cases) {
    test(`${name} (${code})`, () => {
      assert.equal(error.name, name)
      assert.equal(error.code, code)
      for (const Class of classes) assert.ok(error instanceof Class)
    })
  }

  test('fields have the values of the texts', () => {
    const clone = new errors.CloneError('args[1].user.save', 'a function')
    assert.equal(clone.message, 'An object could not be cloned. args[1].user.save: a function')
    assert.deepEqual([clone.path, clone.reason], ['args[1].user.save', 'a function'])
    const limit = new errors.LimitError('fixups', 3, 2)
    assert.deepEqual([limit.limit, limit.actual, limit.allowed], ['fixups', 3, 2])
    assert.match(limit.message, /^fixups: at most 2 allowed, 3 found/)
    assert.equal(new errors.ProtocolError('x').closeCode, errors.CloseCode.PROTOCOL_ERROR)
    assert.equal(new errors.ProtocolError('x', errors.CloseCode.TOO_LARGE).closeCode, 4413)
    assert.equal(new errors.ResetError('ended', 'not-sent').reason, 'ended')
    const unauthorized = new errors.UnauthorizedError(4401, 'Not authenticated')
    assert.deepEqual([unauthorized.closeCode, unauthorized.reason], [4401, 'Not authenticated'])
    assert.match(unauthorized.message, /4401 Not authenticated.*connection\.open\(\)/)
  })
})

describe('the reason of a close frame', () => {
  const bytes = (text: string): number => new TextEncoder().encode(text).length

  test('is unchanged if it fits', () => {
    assert.equal(errors.fitReason('gone'), 'gone')
    assert.equal(errors.fitReason('x'.repeat(constants.reason_bytes)), 'x'.repeat(constants.reason_bytes))
  })

  test('is cut between characters', () => {
    for (const character of ['x', 'ä', '€', '😀']) {
      const reason = errors.fitReason(character.repeat(200))
      assert.ok(bytes(reason) <= constants.reason_bytes)
      assert.ok(bytes(reason + character) > constants.reason_bytes)
      assert.equal(reason, character.repeat(reason.length / character.length))
    }
  })
})
