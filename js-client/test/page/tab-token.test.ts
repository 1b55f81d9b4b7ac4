/** The token of a tab in sessionStorage. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Tab } from '../../src/page/tab-token.js'

describe('the tab', () => {
  /** What a browser's sessionStorage does, and nothing else of it. */
  function store(entries: Record<string, string>): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
    return {
      getItem: (key) => entries[key] ?? null,
      setItem: (key, value) => { entries[key] = value },
      removeItem: (key) => { Reflect.deleteProperty(entries, key) },
    }
  }

  test('a token is taken out of the storage, and put back for the next document', () => {
    const entries: Record<string, string> = { 'webipc:http://a/ipc': 't1' }
    const tab = new Tab('http://a/ipc', () => store(entries))
    tab.take()
    assert.equal(tab.token, 't1')
    assert.deepEqual(entries, {})
    tab.put()
    assert.deepEqual(entries, { 'webipc:http://a/ipc': 't1' })
  })
  test('a duplicated tab finds no token', () => {
    const entries = { 'webipc:http://a/ipc': 't1' }
    new Tab('http://a/ipc', () => store(entries)).take()
    const duplicate = new Tab('http://a/ipc', () => store({ ...entries }))
    duplicate.take()
    assert.equal(duplicate.token, undefined)
  })
  test('another server has a token of its own', () => {
    const tab = new Tab('http://b/ipc', () => store({ 'webipc:http://a/ipc': 't1' }))
    tab.take()
    assert.equal(tab.token, undefined)
  })
  test('a restored document keeps its token when the storage has none', () => {
    const tab = new Tab('http://a/ipc', () => store({}))
    tab.token = 't1'
    tab.take()
    assert.equal(tab.token, 't1')
  })
  test('a storage that is refused or absent is no error', () => {
    for (const refused of [() => { throw new Error('SecurityError') }, () => undefined]) {
      const tab = new Tab('http://a/ipc', refused)
      tab.take()
      tab.token = 't1'
      tab.put()
      assert.equal(tab.token, 't1')
    }
  })
})
