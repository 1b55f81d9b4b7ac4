/** What a document says of itself in `hello`: its texts are as long as a server keeps them (PROTOCOL.md 9). */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { describeDocument } from '../../src/page/description.js'

describe('the description of a document', () => {
  const place = globalThis as { location?: { href: string }, name?: string }

  afterEach(() => {
    Reflect.deleteProperty(place, 'location')
    Reflect.deleteProperty(place, 'name')
  })

  function described(href: string, name: string): { url: string | undefined, name: string | undefined } {
    Object.defineProperty(place, 'location', { value: { href }, configurable: true })
    Object.defineProperty(place, 'name', { value: name, configurable: true })
    const { url, name: named } = describeDocument(undefined, undefined, undefined)
    return { url, name: named }
  }

  test('a long address and a long name are cut', () => {
    const { url, name } = described(`http://a/#${'u'.repeat(100_000)}`, 'n'.repeat(100_000))
    assert.equal(url, `http://a/#${'u'.repeat(2038)}`)
    assert.equal(name, 'n'.repeat(256))
  })
  test('others stay as they are', () => {
    assert.deepEqual(described('http://a/b?c#d', 'e'), { url: 'http://a/b?c#d', name: 'e' })
  })
  test('an empty name is none', () => {
    assert.equal(described('http://a/', '').name, undefined)
  })
})
