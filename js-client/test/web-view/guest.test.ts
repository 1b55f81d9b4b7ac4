/** The guest on the host's side, with real ports. Windows and origins are tested in tests/browser/test_web_view.py. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { BufferFullError, CloneError, DestroyedError, LimitError } from '../../src/core/errors.js'
import { Guest, type FrameId } from '../../src/web-view/guest.js'
import { ipcRenderer } from '../../src/index.js'
import type { WebView } from '../../src/web-view/index.js'
import { channelMessage, type ChannelMessage } from '../../src/web-view/messages.js'
import { until } from '../support/scripted-server.js'

let guest: Guest
let heard: [ChannelMessage, FrameId][]
let ready: (number | undefined)[]
let opened: MessagePort[]

beforeEach(() => {
  heard = []
  ready = []
  opened = []
  guest = new Guest({
    message: (message, frameId) => heard.push([message, frameId]),
    ready: () => ready.push(guest.webContentsId),
  })
})
afterEach(() => {
  guest.end()
  for (const port of opened) port.close()
})

/** A document that announces itself. */
class Page {
  readonly got: unknown[] = []
  readonly port: MessagePort

  constructor(token: number, origins: string[] = []) {
    const { port1, port2 } = new MessageChannel()
    this.port = port1
    opened.push(port1, port2)
    port1.onmessage = ({ data }) => this.got.push(data)
    guest.admit({ webipc: 'guest', token, url: `https://guest.example/${token}`, origins }, port2)
  }

  say(message: unknown): void { this.port.postMessage(message) }
}

const ping = channelMessage('ping', [1])

describe('a guest', () => {
  test('is answered first, then gets the waiting messages, in order', async () => {
    const sent: number[] = []
    const waiting = [1, 2].map((number) => guest.post(channelMessage('ping', [number])).then(() => sent.push(number)))
    await setImmediate()
    assert.deepEqual(sent, [])
    const page = new Page(1)
    await Promise.all(waiting)
    await guest.post(channelMessage('ping', [3]))
    await until(() => page.got.length === 4)
    assert.deepEqual(page.got, [{}, ...[1, 2, 3].map((number) => ({ channel: 'ping', args: [number] }))])
    assert.deepEqual([guest.url, guest.webContentsId], ['https://guest.example/1', undefined])
  })
  test('reports its web contents once for each document', async () => {
    const page = new Page(1)
    page.say({ webContentsId: 7 })
    page.say({ webContentsId: 8 })
    await until(() => guest.webContentsId === 8)
    assert.deepEqual(ready, [7])
    new Page(2).say({ webContentsId: 9 })
    assert.equal(guest.webContentsId, undefined)
    await until(() => ready.length === 2)
    assert.deepEqual(ready, [7, 9])
  })
  test('that has unloaded is waited for, and its late messages are received', async () => {
    const page = new Page(1)
    page.say({ webContentsId: 7 })
    page.say({ gone: true })
    page.say({ channel: 'last', args: [] })
    await until(() => heard.length === 1)
    assert.equal(guest.webContentsId, undefined)
    const waiting = guest.post(ping)
    const next = new Page(2)
    await waiting
    await until(() => next.got.length === 2)
    assert.deepEqual(page.got, [{}])
  })
  test('whose last message is late does not remove the next document', async () => {
    const old = new Page(1)
    const page = new Page(2)
    old.say({ gone: true })
    old.say({ channel: 'last', args: [] })
    await until(() => heard.length === 1)
    await guest.post(ping)
    await until(() => page.got.length === 2)
  })
  test('that announces itself twice is admitted once', async () => {
    const page = new Page(1)
    const again = new Page(1)
    page.say({ channel: 'a', args: [] })
    again.say({ channel: 'a', args: [] })
    await until(() => page.got.length === 1 && heard.length === 1)
    await setImmediate()
    assert.deepEqual([again.got, heard.length], [[], 1])
  })
  test('that sends anything but a message is ignored', async () => {
    const page = new Page(1)
    for (const wrong of [null, 'ping', { channel: 5, args: [] }, { channel: 'a' }, { channel: 'a', args: 'b' }]) {
      page.say(wrong)
    }
    page.say({ channel: 'right', args: [1], more: true })
    await until(() => heard.length === 1)
    assert.deepEqual(heard[0]?.[0], { channel: 'right', args: [1] })
  })
})

describe('its frames', () => {
  test('are addressed by the frame id of their messages, until they unload', async () => {
    const main = new Page(1)
    const frame = new Page(2, ['https://guest.example'])
    frame.say({ channel: 'a', args: [] })
    await until(() => heard.length === 1)
    const [, frameId] = heard[0] as [ChannelMessage, FrameId]
    guest.postTo(frameId, ping)
    await until(() => frame.got.length === 2)
    frame.say({ gone: true })
    frame.say({ channel: 'b', args: [] })
    await until(() => heard.length === 2)
    guest.postTo(frameId, ping)
    guest.postTo([frameId[0] + 1, frameId[1]], ping)
    await guest.post(ping)
    await until(() => main.got.length === 2)
    assert.equal(frame.got.length, 2)
  })
  test('do not report the web contents, and are removed with their main document', async () => {
    const main = new Page(1)
    const frame = new Page(2, ['https://guest.example'])
    frame.say({ webContentsId: 7 })
    frame.say({ channel: 'a', args: [] })
    await until(() => heard.length === 1)
    assert.deepEqual([ready, guest.webContentsId], [[], undefined])
    main.say({ gone: true })
    new Page(3)
    guest.postTo((heard[0] as [ChannelMessage, FrameId])[1], ping)
    await setImmediate()
    assert.deepEqual(frame.got, [{}])
  })
})

describe('the end', () => {
  test('rejects waiting messages, and received ones are ignored', async () => {
    const waiting = guest.post(ping)
    guest.end()
    await assert.rejects(waiting, DestroyedError)
  })
  test('so are messages already on their way, from any of its documents', async () => {
    const pages = [new Page(1), new Page(2)]
    await until(() => pages.every(({ got }) => got.length === 1))
    for (const page of pages) page.say({ channel: 'a', args: [] })
    guest.end()
    const { port1, port2 } = new MessageChannel()
    opened.push(port1)
    const later = new Promise((resolve) => { port1.onmessage = resolve })
    port2.postMessage('behind them')
    await later
    assert.deepEqual(heard, [])
  })
  test('too many waiting messages are refused', async () => {
    const waiting = Array.from({ length: 100_000 }, () => guest.post(ping))
    await assert.rejects(guest.post(ping), BufferFullError)
    new Page(1)
    await Promise.all(waiting)
  })
})

describe('a message for the other window', () => {
  test('is a copy, made at the call', () => {
    const list = [1]
    const { args } = channelMessage('a', [list, list, new Proxy({ b: 1 }, {})])
    list.push(2)
    assert.deepEqual(args, [[1], [1], { b: 1 }])
    assert.equal(args[0], args[1])
  })
  test('is refused in the cases in which send refuses it', () => {
    assert.throws(() => channelMessage('a', [() => 1]), CloneError)
    assert.throws(() => channelMessage('c'.repeat(4097), []), LimitError)
  })
})

describe('sendToHost', () => {
  test('refuses a channel that is no string with the words of Electron, also where there is no host', () => {
    assert.throws(() => { ipcRenderer.sendToHost(undefined as never) }, {
      name: 'TypeError', message: 'Error processing argument at index 0, conversion failure from undefined',
    })
    assert.throws(() => { ipcRenderer.sendToHost('a', () => 1) }, CloneError)
  })
  test('is dropped where there is no host', () => {
    ipcRenderer.sendToHost('a')
    assert.equal(ipcRenderer.connection.state, 'connecting')
  })
})

describe('the element', () => {
  test('where there is no document its module loads and defines nothing', async () => {
    const { WebView } = await import('../../src/web-view/index.js')
    assert.equal(WebView.name, 'WebView')
  })
  test('has types for its events and methods', () => {
    const use = (document: Document): void => {
      const view: WebView = document.createElement('web-view')
      view.addEventListener('ipc-message', ({ channel, args, frameId }) => {
        void view.sendToFrame(frameId, channel, ...args as unknown[])
      })
      view.addEventListener('dom-ready', () => view.getWebContentsId() + 1, { once: true })
      view.addEventListener('click', ({ button }) => button)
    }
    assert.equal(use.length, 1)
  })
})
