/** The small policies that have no I/O: waiting before the next socket, signs of life, the tab's token, the address. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { beaconAddress, findAddress, socketAddress } from '../../src/page/server-address.js'
import { Backoff } from '../../src/link/backoff.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { Heartbeat } from '../../src/link/heartbeat.js'
import { Tab } from '../../src/page/tab-token.js'

describe('backoff', () => {
  test('the bound doubles from 0.1 s to 10 s, and the wait is anywhere below it', () => {
    const most = new Backoff(() => 1)
    assert.deepEqual(Array.from({ length: 9 }, () => most.next()),
      [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
    assert.equal(new Backoff(() => 0).next(), 0)
  })
  test('a reset starts again', () => {
    const backoff = new Backoff(() => 0.5)
    backoff.next()
    backoff.reset()
    assert.equal(backoff.next(), 50)
  })
})

describe('heartbeat', () => {
  const start = 1_000_000
  const { silenceMs, probeMs, answerPageMs, answerServerMs } = DEFAULT_LIMITS

  test('a bare frame is answered only after 5 s without a frame of ours', () => {
    const heartbeat = new Heartbeat(DEFAULT_LIMITS, start)
    assert.equal(heartbeat.shouldAnswer(start + answerPageMs - 1), false)
    assert.equal(heartbeat.shouldAnswer(start + answerPageMs), true)
    heartbeat.sent(start + answerPageMs)
    assert.equal(heartbeat.shouldAnswer(start + answerPageMs + 1), false)
  })
  test('what comes puts off the doubt, and ends it', () => {
    const heartbeat = new Heartbeat(DEFAULT_LIMITS, start)
    assert.equal(heartbeat.wait(start), silenceMs)
    heartbeat.heard(start + 10)
    assert.equal(heartbeat.wait(start + 20), silenceMs - 10)
    heartbeat.doubt(start + 50_000)
    assert.equal(heartbeat.doubted, true)
    assert.equal(heartbeat.wait(start + 50_001), probeMs - 1)
    heartbeat.heard(start + 50_002)
    assert.equal(heartbeat.doubted, false)
    assert.equal(heartbeat.wait(start + 50_002), silenceMs)
  })
  test('waking twice does not give a dead socket twice the time', () => {
    const heartbeat = new Heartbeat(DEFAULT_LIMITS, start)
    heartbeat.doubt(start + 2_000)
    assert.equal(heartbeat.shouldProbe(start + 3_000), false)
    heartbeat.doubt(start + 3_000)
    assert.equal(heartbeat.wait(start + 3_000), probeMs - 1_000)
  })
  test('a socket that was heard within the last second is not probed: the server would not answer', () => {
    const heartbeat = new Heartbeat(DEFAULT_LIMITS, start)
    assert.equal(heartbeat.shouldProbe(start + answerServerMs - 1), false)
    assert.equal(heartbeat.shouldProbe(start + answerServerMs), true)
  })
  test('a clock that is set back hides no silence: bare frames are answered, and the socket is doubted', () => {
    const heartbeat = new Heartbeat(DEFAULT_LIMITS, start)
    const now = start - 3_600_000
    assert.deepEqual([heartbeat.shouldAnswer(now), heartbeat.shouldProbe(now)], [true, true])
    assert.ok(heartbeat.wait(now) <= 0)
    heartbeat.sent(now)
    heartbeat.doubt(now)
    assert.deepEqual([heartbeat.shouldAnswer(now), heartbeat.wait(now + 1)], [false, probeMs - 1])
    heartbeat.heard(now + 2)
    assert.equal(heartbeat.wait(now + 2), silenceMs)
  })
})

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
  test('a duplicated tab finds none', () => {
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
  test('a document that comes back keeps its token when nobody has left one', () => {
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

describe('the address', () => {
  const globals = globalThis as { location?: unknown, document?: unknown }
  function page(href: string | undefined, meta?: string): void {
    globals.location = href === undefined ? undefined : new URL(href)
    globals.document = { baseURI: href, querySelector: () => meta === undefined ? null : { content: meta } }
  }
  afterEach(() => {
    Reflect.deleteProperty(globals, 'location')
    Reflect.deleteProperty(globals, 'document')
  })

  test('what the page names wins, relative or at another origin', () => {
    page('https://app.example/a/b.html', '/x/ipc')
    assert.equal(findAddress('https://app.example/ipc/client.js'), 'https://app.example/x/ipc')
    page('https://app.example/a/b.html', 'c/ipc/')
    assert.equal(findAddress(undefined), 'https://app.example/a/c/ipc')
    page('file:///home/me/page.html', 'http://127.0.0.1:8000/ipc')
    assert.equal(findAddress('file:///home/me/client.js'), 'http://127.0.0.1:8000/ipc')
  })
  test('a script that the server served names its folder, also for a page from elsewhere', () => {
    page('https://app.example/')
    assert.equal(findAddress('https://api.example/root/ipc/client.js?v=1'), 'https://api.example/root/ipc')
    page('file:///home/me/page.html')
    assert.equal(findAddress('http://127.0.0.1:8000/ipc/client.global.js'), 'http://127.0.0.1:8000/ipc')
  })
  test('a script that a bundler made says nothing', () => {
    page('http://app.example:8080/deep/page')
    for (const script of ['http://app.example:8080/assets/index-a1b2.js', 'file:///app/client.js', '', undefined]) {
      assert.equal(findAddress(script), 'http://app.example:8080/ipc')
    }
  })
  test('a page from a file, and a program without pages, have none', () => {
    page('file:///home/me/page.html')
    assert.equal(findAddress(undefined), undefined)
    page(undefined)
    assert.equal(findAddress(undefined), undefined)
  })
  test('an address that is none is none', () => {
    page('https://app.example/', 'ftp://app.example/ipc')
    assert.equal(findAddress(undefined), undefined)
    page('https://app.example/', 'https://')
    assert.equal(findAddress(undefined), undefined)
  })
  test('the endpoints', () => {
    assert.equal(socketAddress('https://a/ipc', 1), 'wss://a/ipc/socket')
    assert.equal(socketAddress('http://a:1/ipc', 12), 'ws://a:1/ipc/socket/12')
    assert.equal(beaconAddress('https://a/ipc'), 'https://a/ipc/beacon')
  })
})
