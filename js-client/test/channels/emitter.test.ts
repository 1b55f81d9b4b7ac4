/**
 * The emitter compared with Node's: every scenario runs on both, and the logs must be equal.
 */
import assert from 'node:assert/strict'
import { EventEmitter as NodeEmitter } from 'node:events'
import { describe, mock, test } from 'node:test'
import { EventEmitter } from '../../src/channels/emitter.js'

type Log = (what: unknown) => void
type Scenario = (emitter: EventEmitter, log: Log) => void

/** The log of a scenario on an emitter. An error ends it and is logged too. */
function play(emitter: EventEmitter, scenario: Scenario): unknown[] {
  const happened: unknown[] = []
  try {
    scenario(emitter, (what) => happened.push(what))
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string }
    happened.push({ name, message, code })
  }
  return happened
}

function sameAsNode(title: string, scenario: Scenario): void {
  test(title, () => {
    const theirs = play(new NodeEmitter() as unknown as EventEmitter, scenario)
    assert.ok(theirs.length > 0, 'the scenario shows something')
    assert.deepEqual(play(new EventEmitter(), scenario), theirs)
  })
}

const nothing = (): void => undefined

describe('the emitter does what Node does', () => {
  sameAsNode('listeners run in the order of registration, prepended ones first', (emitter, log) => {
    emitter.on('a', () => { log(1) }).addListener('a', () => { log(2) })
    emitter.prependListener('a', () => { log(0) }).prependOnceListener('a', () => { log('once') })
    log([emitter.emit('a'), emitter.emit('a'), emitter.emit('b')])
  })
  sameAsNode('listeners get all arguments, and the emitter as this', (emitter, log) => {
    emitter.on('a', function (this: unknown, ...args: unknown[]) { log([this === emitter, args]) })
    emitter.once('a', function (this: unknown, ...args: unknown[]) { log([this === emitter, args]) })
    emitter.emit('a', 1, [2], undefined)
    emitter.emit('a')
  })
  sameAsNode('a listener that was added twice runs twice, and off takes the last of them', (emitter, log) => {
    const twice = (): void => { log('twice') }
    emitter.on('a', twice).on('a', () => { log('between') }).on('a', twice)
    emitter.off('a', twice).off('a', nothing).off('b', nothing)
    log(emitter.emit('a'))
  })
  sameAsNode('an emit under way keeps the listeners it began with', (emitter, log) => {
    const last = (): void => { log('last') }
    emitter.on('a', () => {
      log('first')
      emitter.off('a', last).on('a', () => { log('added') })
    })
    emitter.on('a', last)
    emitter.emit('a')
    log('again')
    emitter.emit('a')
  })
  sameAsNode('a once listener is gone before it runs', (emitter, log) => {
    emitter.once('a', () => {
      log(emitter.listenerCount('a'))
      emitter.emit('a')
    })
    emitter.emit('a')
  })
  sameAsNode('a once listener is removed by its function, and by its wrapper', (emitter, log) => {
    const listener = (): void => { log('never') }
    emitter.once('a', listener).once('a', listener)
    emitter.off('a', listener)
    const [wrapper] = emitter.rawListeners('a')
    assert.ok(wrapper)
    log((wrapper as { listener?: unknown }).listener === listener)
    emitter.off('a', wrapper)
    log(emitter.emit('a'))
  })
  sameAsNode('a raw once listener runs by itself, and once', (emitter, log) => {
    emitter.once('a', (value) => { log(value) })
    const [wrapper] = emitter.rawListeners('a')
    wrapper?.call(undefined, 1)
    wrapper?.call(undefined, 2)
    log(emitter.listenerCount('a'))
  })
  sameAsNode('the first listener that throws ends the emit', (emitter, log) => {
    emitter.on('a', () => { throw new RangeError('stop') }).on('a', () => { log('never') })
    emitter.emit('a')
  })
  sameAsNode('listeners, names and counts', (emitter, log) => {
    const symbol = Symbol('s')
    emitter.on('b', nothing).once('a', nothing).on(symbol, nothing).on('7', nothing).on('a', log)
    log([emitter.eventNames().map(String), emitter.listeners('a')[0] === nothing, emitter.listeners('c')])
    log([emitter.listenerCount('a'), emitter.listenerCount('a', nothing), emitter.listenerCount('none')])
    emitter.off('b', nothing)
    log(emitter.eventNames().map(String))
  })
  sameAsNode('a number is the name that it is written as', (emitter, log) => {
    emitter.on(5 as unknown as string, nothing)
    log([emitter.eventNames(), emitter.emit('5')])
  })
  sameAsNode('any string is a name', (emitter, log) => {
    for (const name of ['', '__proto__', 'constructor', 'toString', 'ping-æøåü']) {
      log([emitter.emit(name), emitter.on(name, log).emit(name, name), emitter.eventNames()])
    }
  })
  sameAsNode('removeAllListeners removes one name, or all', (emitter, log) => {
    emitter.on('a', nothing).on('a', nothing).on('b', nothing).on('c', nothing)
    log(emitter.removeAllListeners('a').eventNames())
    log(emitter.removeAllListeners().eventNames())
  })
  sameAsNode('newListener comes before the listener is there, removeListener after it is gone', (emitter, log) => {
    const told = (what: string) => (name: unknown, listener: unknown): void => {
      log([what, name, listener === nothing, emitter.listenerCount('a')])
    }
    emitter.on('newListener', told('new'))
    emitter.on('removeListener', told('removed'))
    // One at a time: with several, Node passes the wrapper of a once listener instead.
    emitter.once('a', nothing).emit('a')
    emitter.on('a', nothing).removeListener('a', nothing)
  })
  sameAsNode('removeAllListeners tells of each removal, the last listener first', (emitter, log) => {
    const names = new Map<unknown, string>([[nothing, 'nothing'], [log, 'log']])
    emitter.on('removeListener', (name, listener) => { log([name, names.get(listener)]) })
    emitter.on('a', nothing).on('a', log).on('b', nothing)
    log(emitter.removeAllListeners('a').eventNames())
    log(emitter.removeAllListeners().eventNames())
  })
  sameAsNode('an error without a listener is thrown', (emitter) => { emitter.emit('error', new RangeError('mine')) })
  sameAsNode('what is thrown without being an error is told', (emitter) => { emitter.emit('error', 5) })
  sameAsNode('an error with a listener is an event', (emitter, log) => {
    emitter.on('error', log)
    log(emitter.emit('error', 'text'))
  })
  sameAsNode('the limit of listeners can be set, and read', (emitter, log) => {
    log(emitter.getMaxListeners())
    log(emitter.setMaxListeners(0).getMaxListeners())
  })

  for (const value of [undefined, null]) {
    sameAsNode(`a listener that is ${String(value)} is refused`, (emitter) => { emitter.on('a', value as never) })
  }
  sameAsNode('once refuses what is no function', (emitter) => { emitter.once('a', undefined as never) })
  sameAsNode('off refuses what is no function', (emitter) => { emitter.off('a', undefined as never) })
})

test('a listener that is no function is refused with the class and the code of Node', () => {
  for (const value of ['text', 5, true, Symbol('s'), {}, []]) {
    assert.throws(() => new EventEmitter().on('a', value as never), {
      name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message: /must be of type function\. Received type \w+$/,
    })
  }
})

test('a limit of listeners that is no number, or negative, is refused, and the one before stays', () => {
  const emitter = new EventEmitter()
  emitter.setMaxListeners(3)
  for (const wrong of [-1, NaN, '5', undefined, null]) {
    assert.throws(() => emitter.setMaxListeners(wrong as number), {
      name: 'RangeError',
      message: `The value of "n" is out of range. It must be a non-negative number. Received ${String(wrong)}.`,
    })
  }
  assert.equal(emitter.getMaxListeners(), 3)
  for (const right of [0, 1.5, Infinity]) assert.equal(emitter.setMaxListeners(right).getMaxListeners(), right)
})

test('it has every method that Node documents and Electron names', () => {
  const names = ('on once off addListener removeListener removeAllListeners prependListener prependOnceListener emit ' +
    'eventNames listenerCount listeners rawListeners setMaxListeners getMaxListeners').split(' ')
  for (const name of names) assert.equal(typeof Reflect.get(EventEmitter.prototype, name), 'function', name)
})

test('on without its emitter fails with the words that Electron users know', () => {
  const { on } = EventEmitter.prototype as { on: (name: string, listener: () => void) => void }
  assert.throws(() => { on('a', nothing) }, {
    name: 'TypeError', message: "Cannot read properties of undefined (reading '_events')",
  })
  // As in Electron, the listener is checked before that.
  assert.throws(() => { (on as () => void)() }, { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
})

test('the eleventh listener of a name has a warning, once', () => {
  const warn = mock.method(console, 'warn', nothing)
  try {
    class Named extends EventEmitter {}
    const emitter = new Named()
    for (let count = 0; count < 12; count++) emitter.on('a', nothing)
    for (let count = 0; count < 10; count++) emitter.on('b', nothing)
    emitter.off('a', nothing).on('a', nothing)
    assert.deepEqual(warn.mock.calls.map((call) => call.arguments), [[
      'MaxListenersExceededWarning: Possible EventEmitter memory leak detected. 11 a listeners added to [Named]. ' +
      'MaxListeners is 10. Use emitter.setMaxListeners() to increase limit',
    ]])
    emitter.setMaxListeners(0)
    for (let count = 0; count < 20; count++) emitter.on('c', nothing)
    assert.equal(warn.mock.callCount(), 1)
  } finally {
    warn.mock.restore()
  }
})
