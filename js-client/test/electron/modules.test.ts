/** What a preload script can `require`: electron, events, timers, url; and the `process` that it finds. */
import assert from 'node:assert/strict'
import nodeEvents from 'node:events'
import { describe, it } from 'node:test'
import nodeUrl from 'node:url'
import electron from '../../src/electron/index.js'
import { events } from '../../src/electron/events.js'
import { chromeOf, makeProcess, platformOf } from '../../src/electron/process.js'
import { systemVersionOf } from '../../src/electron/process-measures.js'
import { makeRequire } from '../../src/electron/require.js'
import { timers } from '../../src/electron/timers.js'
import { toASCII } from '../../src/electron/url-host.js'
import { parse, stringify } from '../../src/electron/url-query.js'

const require = makeRequire(electron)

describe('require', () => {
  it('knows four modules, with and without node:', () => {
    for (const name of ['electron', 'electron/common', 'electron/renderer']) assert.equal(require(name), electron)
    for (const name of ['events', 'timers', 'url']) assert.equal(require(`node:${name}`), require(name))
    assert.equal(require('events'), events)
  })

  it('throws for any other name what Electron throws', () => {
    for (const name of ['fs', 'node:electron', './other', 'toString', '']) {
      assert.throws(() => require(name), { name: 'Error', message: `module not found: ${name}` })
    }
  })
})

describe('events', () => {
  it('is a class to extend, of which ipcRenderer is an instance', () => {
    class Own extends events {
      readonly own = 1
    }
    const own = new Own()
    const heard: unknown[] = []
    own.on('a', (...args: unknown[]) => heard.push(...args))
    assert.equal(own.emit('a', 1, 2), true)
    assert.deepEqual([heard, own.own], [[1, 2], 1])
    assert.ok(own instanceof events && own instanceof Own && electron.ipcRenderer instanceof events)
    assert.equal(events.EventEmitter, events)
  })

  it('can be called on an object that inherits from it, as old code does', () => {
    function Old(this: object): void {
      events.call(this)
    }
    Object.setPrototypeOf(Old.prototype, events.prototype)
    const old = Reflect.construct(Old, []) as InstanceType<typeof events>
    let calls = 0
    old.once('a', () => { calls += 1 })
    assert.deepEqual([old.emit('a'), old.emit('a'), calls], [true, false, 1])
  })

  it('waits with once for an event, and rejects when an error comes first', async () => {
    const emitter = new events()
    const came = events.once(emitter, 'a')
    emitter.emit('a', 1, 2)
    assert.deepEqual(await came, [1, 2])
    const failed = events.once(emitter, 'a')
    emitter.emit('error', new Error('boom'))
    await assert.rejects(failed, { message: 'boom' })
    assert.deepEqual(emitter.eventNames(), [])
    const target = new EventTarget()
    const [event, waiting] = [new Event('a'), events.once(target, 'a')]
    target.dispatchEvent(event)
    assert.deepEqual(await waiting, [event])
  })

  it('has methods that can be mixed into any object', () => {
    const heard: unknown[] = []
    const [mixed, other] = [1, 2].map((name) => Object.assign({ name }, events.prototype))
    mixed?.on('a', function (this: unknown, value: unknown) { heard.push([this, value]) })
    assert.deepEqual([mixed?.emit('a', 5), other?.emit('a', 5)], [true, false])
    assert.deepEqual(heard, [[mixed, 5]])
    assert.deepEqual([other?.listeners('a'), other?.eventNames(), other?.off('a', () => 0) === other], [[], [], true])
    assert.equal(other?.removeAllListeners(), other)
  })

  it('serves subclasses that never call it, or call it late', () => {
    function Silent(this: object): void { /* calls nothing */ }
    Object.setPrototypeOf(Silent.prototype, events.prototype)
    const make = (): InstanceType<typeof events> => Reflect.construct(Silent, []) as InstanceType<typeof events>
    const [one, two] = [make(), make()]
    one.once('a', () => 0)
    assert.deepEqual([one.listenerCount('a'), two.listenerCount('a')], [1, 0])
    function Late(this: InstanceType<typeof events>): void {
      this.on('a', () => 0)
      events.call(this)
    }
    const shared = new events()
    Late.prototype = shared
    const late = Reflect.construct(Late, []) as InstanceType<typeof events>
    late.on('b', () => 0)
    assert.deepEqual([late.listenerCount('b'), shared.listenerCount('b')], [1, 0])
  })

  it('has one function for two names, and the names of the package', () => {
    const { prototype } = events
    assert.equal(Reflect.get(prototype, 'on'), Reflect.get(prototype, 'addListener'))
    assert.equal(Reflect.get(prototype, 'off'), Reflect.get(prototype, 'removeListener'))
    assert.deepEqual([prototype.constructor, events.name, nodeEvents.name], [events, nodeEvents.name, 'EventEmitter'])
    const names = Object.keys(nodeEvents.prototype).filter((name) => !name.startsWith('_'))
    assert.deepEqual(names.filter((name) => !Object.keys(prototype).includes(name)), [])
  })

  it('registers once by an overridden on', () => {
    const heard: unknown[] = []
    class Own extends events {
      override on(...[name, listener]: Parameters<InstanceType<typeof events>['on']>): this {
        heard.push(name)
        return super.on(name, listener)
      }

      override prependListener(...[name, listener]: Parameters<InstanceType<typeof events>['on']>): this {
        heard.push(['first', name])
        return super.prependListener(name, listener)
      }
    }
    const own = new Own()
    own.once('a', () => heard.push('called')).prependOnceListener('b', () => 0).emit('a')
    assert.deepEqual([heard, own.emit('a')], [['a', ['first', 'b'], 'called'], false])
  })

  it('counts listeners, and has a limit for all emitters without one of their own', (context) => {
    context.after(() => { events.defaultMaxListeners = 10 })
    const emitter = new events()
    emitter.on('a', () => undefined)
    assert.equal(events.listenerCount(emitter, 'a'), 1)
    assert.equal(events.defaultMaxListeners, nodeEvents.defaultMaxListeners)
    const own = new events().setMaxListeners(0)
    events.defaultMaxListeners = 3
    assert.deepEqual([emitter, new events(), own].map((each) => each.getMaxListeners()), [3, 3, 0])
    for (const wrong of [-1, NaN, '5', undefined] as number[]) {
      const text = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE', message: /non-negative number/ }
      assert.throws(() => emitter.setMaxListeners(wrong), text)
      assert.throws(() => { events.defaultMaxListeners = wrong }, text)
    }
    assert.equal(emitter.getMaxListeners(), 3)
  })
})

describe('timers', () => {
  it('runs immediates in their order, in tasks of their own, and forgets those that are cleared', async () => {
    const order: unknown[] = []
    await new Promise<void>((resolve) => {
      timers.setImmediate((...args) => order.push(...args), 1, 2)
      timers.clearImmediate(timers.setImmediate(() => order.push('cleared')))
      timers.setImmediate(() => { resolve() })
      order.push('first')
    })
    assert.deepEqual(order, ['first', 1, 2])
  })

  it('returns handles that can be closed and unreferenced', async () => {
    const order: unknown[] = []
    const cleared = timers.setTimeout(() => order.push('cleared'), 1).unref().ref()
    timers.clearTimeout(cleared)
    timers.setTimeout(() => order.push('closed'), 1).close()
    await new Promise<void>((resolve) => {
      const interval = timers.setInterval((word) => {
        order.push(word)
        if (order.length < 2) return
        timers.clearInterval(interval)
        resolve()
      }, 1, 'tick')
    })
    assert.deepEqual(order, ['tick', 'tick'])
  })
})

describe('url', () => {
  const url = require('url') as typeof nodeUrl

  it("has the browser's classes and the functions of before them", () => {
    assert.equal(url.URL, URL)
    assert.equal(url.URLSearchParams, URLSearchParams)
    assert.equal(url.resolve('https://a.example/b/c', '../d'), 'https://a.example/d')
    const query = { a: 1, b: [2, 3] }
    assert.equal(url.format({ protocol: 'https', host: 'a.example', query }), 'https://a.example?a=1&b=2&b=3')
  })

  it('parses as Node does, with a query as an object', () => {
    const text = 'https://user@bücher.example:8080/p/a?x=1&x=2&y=%20z#hash'
    const [own, node] = [url.parse(text, true), nodeUrl.parse(text, true)]
    for (const key of ['protocol', 'auth', 'host', 'port', 'pathname', 'search', 'hash', 'query'] as const) {
      assert.equal(JSON.stringify(own[key]), JSON.stringify(node[key]), key)
    }
  })

  it('reads and writes queries, and the names of hosts', () => {
    assert.deepEqual({ ...parse('a=1&a=2&a=3&__proto__=4') }, JSON.parse('{"a":["1","2","3"],"__proto__":"4"}'))
    const query = { a: 'x y', b: [true, null], c: undefined }
    assert.equal(stringify(query, { addQueryPrefix: true }), '?a=x%20y&b=true&b=&c=')
    assert.equal(stringify({}, { addQueryPrefix: true }), '')
    assert.deepEqual(['bücher.example', 'a b'].map(toASCII), ['xn--bcher-kva.example', 'a b'])
  })
})

describe('process', () => {
  it('tells what a sandboxed preload script is told', () => {
    const process = makeProcess()
    assert.deepEqual([process.type, process.env], ['renderer', {}])
    assert.deepEqual([process.contextIsolated, process.sandboxed], [true, true])
    for (const name of ['electron', 'chrome', 'node']) assert.match(process.versions[name] ?? '', /^\d+\.\d+\.\d+/)
    let loaded = 0
    process.once('loaded', () => { loaded += 1 })
    process.emit('loaded')
    assert.equal(loaded, 1)
  })

  it('measures what a browser can, and says what to do instead of the rest when it is used', async () => {
    const process = makeProcess()
    assert.deepEqual(process.getCPUUsage(), { percentCPUUsage: 0, idleWakeupsPerSecond: 0 })
    assert.ok(Math.abs(Date.now() - process.getCreationTime() - process.uptime() * 1000) < 1000)
    assert.match(process.contextId, /^[0-9a-f]{16,32}$/)
    assert.notEqual(process.contextId, makeProcess().contextId)
    const absent = { name: 'NotInBrowserError', code: 'not-in-a-browser' }
    const { getCPUUsage, getHeapStatistics, getBlinkMemoryInfo, getSystemMemoryInfo, crash, hang } = process
    const { getSystemVersion, takeHeapSnapshot } = process
    const throwing = [
      getCPUUsage, getHeapStatistics, getBlinkMemoryInfo, getSystemMemoryInfo, getSystemVersion, crash, hang,
      takeHeapSnapshot,
    ]
    for (const use of throwing) assert.throws(use, absent)
    assert.throws(getBlinkMemoryInfo, /electron's process\.getBlinkMemoryInfo is not available in a browser/)
    await assert.rejects(process.getProcessMemoryInfo(), absent)
  })

  it('has the memory of the heap where the browser tells it, in KiB', (context) => {
    const memory = { totalJSHeapSize: 4096, usedJSHeapSize: 1025, jsHeapSizeLimit: 8192 }
    Object.assign(performance, { memory })
    context.after(() => Reflect.deleteProperty(performance, 'memory'))
    const { totalHeapSize, usedHeapSize, totalAvailableSize, heapSizeLimit } = makeProcess().getHeapStatistics()
    assert.deepEqual([totalHeapSize, usedHeapSize, totalAvailableSize, heapSizeLimit], [4, 1, 6, 8])
  })

  it('reads the version of the system out of what the browser calls itself', () => {
    const agents: [string, string | undefined][] = [
      ['Mozilla/5.0 (Windows NT 10.0; Win64; x64)', '10.0'],
      ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)', '10.15.7'],
      ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)', '18.1'],
      ['Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X)', '17.4'],
      ['Mozilla/5.0 (Linux; Android 15; K)', '15'],
      ['Mozilla/5.0 (X11; Linux x86_64; rv:153.0)', undefined],
    ]
    for (const [agent, version] of agents) assert.equal(systemVersionOf(agent), version, agent)
  })

  it('calls systems by the names that Node has for them', () => {
    const agents: [string, string, string?][] = [
      ['Win32', 'win32'], ['MacIntel', 'darwin'], ['iPhone', 'darwin'], ['Linux x86_64', 'linux'], ['', 'linux'],
      ['Linux armv81', 'android', 'Mozilla/5.0 (Linux; Android 15)'],
    ]
    for (const [platform, expected, userAgent = ''] of agents) {
      assert.equal(platformOf({ platform, userAgent }), expected)
    }
    const told = { platform: 'Linux x86_64', userAgent: '', userAgentData: { platform: 'Windows' } }
    assert.equal(platformOf(told), 'win32')
  })

  it('reads the version of Chromium out of what the browser calls itself', () => {
    assert.equal(chromeOf('Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/156.0.8078.79 Safari/537.36'), '156.0.8078.79')
    assert.equal(chromeOf('Mozilla/5.0 (X11) HeadlessChrome/156.0.0.0 Safari/537.36'), '156.0.0.0')
    assert.equal(chromeOf('Mozilla/5.0 (X11) Ubuntu Chromium/156.0.8078.79 Chrome/1 Safari/537.36'), '156.0.8078.79')
    assert.equal(chromeOf('Mozilla/5.0 (X11; rv:153.0) Gecko/20100101 Firefox/153.0'), '0.0.0')
  })
})
