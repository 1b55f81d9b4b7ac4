/** `sendTo` and `postMessage` of `ipcRenderer`, and the events for messages of other pages and of the server. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { decodeValue, type Post, type SendTo } from '../../src/core/envelope.js'
import { CloneError } from '../../src/core/errors.js'
import type { IpcRendererEvent } from '../../src/types/electron.js'
import { ipcRenderer, isOpen, newServer, resets, server, started } from '../support/scripted-page.js'
import { quiet, until } from '../support/scripted-server.js'

let warn: ReturnType<typeof mock.method>

const others = <Kind extends string>(kind: Kind): readonly { kind: Kind }[] =>
  server.others.filter((envelope) => envelope.kind as string === kind) as never

beforeEach(async () => {
  warn = mock.method(console, 'warn', () => undefined)
  newServer()
  await started()
})
afterEach(() => {
  ipcRenderer.connection.close()
  warn.mock.restore()
})

/** The events and arguments of a channel. */
function calls(channel: string): [IpcRendererEvent, ...unknown[]][] {
  const all: [IpcRendererEvent, ...unknown[]][] = []
  ipcRenderer.on(channel, (...args) => all.push(args as never))
  return all
}

describe('sendTo', () => {
  test('names the web contents, and its arguments are one value', async () => {
    ipcRenderer.sendTo(7, 'ping-æøåü', 1, new Map([[1, 2]]))
    ipcRenderer.sendTo(2 ** 40, '')
    await until(() => server.others.length === 2)
    const [first, second] = others('send-to') as readonly SendTo[]
    assert.ok(first && second)
    assert.deepEqual([first.contents, first.channel, decodeValue(first)], [7, 'ping-æøåü', [1, new Map([[1, 2]])]])
    assert.deepEqual([second.contents, second.channel, decodeValue(second)], [2 ** 40, '', []])
  })

  test('refuses wrong arguments with the words of Electron, and what cannot be cloned', () => {
    const sendTo = ipcRenderer.sendTo as (...args: unknown[]) => void
    for (const id of [undefined, '7', 1.5, NaN]) {
      assert.throws(() => { sendTo(id, 'ping') }, {
        name: 'TypeError', message: `Error processing argument at index 1, conversion failure from ${String(id)}`,
      })
    }
    assert.throws(() => { sendTo(7) }, {
      name: 'TypeError', message: 'Error processing argument at index 2, conversion failure from undefined',
    })
    assert.throws(() => { sendTo(7, 'ping', () => 1) }, CloneError)
  })

  test('a message to an impossible id is dropped silently', async () => {
    for (const id of [0, -1]) ipcRenderer.sendTo(id, 'ping')
    await quiet()
    assert.deepEqual([server.others, resets], [[], []])
  })
})

describe('a message of another page', () => {
  test('says who has sent it, and whether from an iframe', async () => {
    const got = calls('ping')
    server.say(
      '["send","ping",[1],{"senderId":3,"senderIsMainFrame":true}]',
      '["send","ping",[2],{"senderId":4,"senderIsMainFrame":false}]',
    )
    await until(() => got.length === 2)
    assert.deepEqual(got.map(([event, value]) => [value, event.senderId, event.senderIsMainFrame]), [
      [1, 3, true], [2, 4, false],
    ])
    assert.deepEqual(Object.keys(got[0]?.[0] ?? {}), ['sender', 'ports', 'senderId', 'senderIsMainFrame'])
  })

  test('one of the server has the sender id 0, not enumerable, and nothing about a frame', async () => {
    const got = calls('ping')
    server.send('ping')
    await until(() => got.length === 1)
    const event = got[0]?.[0]
    assert.deepEqual([event?.senderId, 'senderIsMainFrame' in (event ?? {})], [0, false])
    assert.deepEqual(Object.keys(event ?? {}), ['sender', 'ports'])
  })

  for (const [what, value] of [
    ['a fixup to nowhere', '[1],{"senderId":3},[["d",[7]]]'],
    ['arguments that are none', '5,{"senderId":3}'],
    ['too deep a value', `${'['.repeat(2000)}${']'.repeat(2000)},{"senderId":3}`],
  ] as const) {
    test(`an invalid one is dropped with a warning, and the link stays: ${what}`, async () => {
      const lies = calls('lie')
      const got = calls('ping')
      server.say(`["send","lie",${value}]`, '["send","ping",[1]]')
      await until(() => got.length === 1)
      await quiet()
      assert.deepEqual([lies, resets, isOpen()], [[], [], true])
      assert.match(String(warn.mock.calls[0]?.arguments[0]), /a message for 'lie' is dropped/)
    })
  }

  test('an invalid one of the server itself ends the link', async () => {
    server.socket.deliver('[1,0,["send","lie",[1],[["d",[7]]]]]')
    await until(() => resets.length === 1)
    assert.equal(resets[0]?.reason, 'protocol')
  })
})

describe('postMessage', () => {
  test('carries one value and ports, in order with what is sent', async () => {
    const { port1, port2 } = new MessageChannel()
    ipcRenderer.send('n', 1)
    ipcRenderer.postMessage('provide', { hello: undefined }, [port2])
    ipcRenderer.postMessage('nothing', undefined)
    port1.postMessage('first words')
    await until(() => server.others.length === 3)
    const [first, second] = others('post') as readonly Post[]
    assert.ok(first && second)
    assert.deepEqual([first.channel, decodeValue(first), first.ports], ['provide', { hello: undefined }, [1]])
    assert.deepEqual([second.channel, decodeValue(second), second.ports], ['nothing', undefined, []])
    assert.deepEqual(server.sent('n'), [[1]])
    port1.close()
  })

  test('a channel that is no string is the argument 0 of Electron, and a port in the message cannot be cloned', () => {
    const { port1 } = new MessageChannel()
    assert.throws(() => { ipcRenderer.postMessage(undefined as never, 1) }, {
      name: 'TypeError', message: 'Error processing argument at index 0, conversion failure from undefined',
    })
    assert.throws(() => { ipcRenderer.postMessage('c', port1, [port1]) }, /An object could not be cloned\. message: /)
    assert.throws(() => { ipcRenderer.postMessage('c', 1, null as never) }, /Invalid value for transfer/)
    port1.close()
  })

  test('a message of the server has the ports in its event, and one value', async () => {
    const got = calls('port')
    server.say('["post","port",{"n":1},[2,4]]', '["port",2,"early",[]]')
    await until(() => got.length === 1)
    assert.deepEqual(got[0]?.slice(1), [{ n: 1 }])
    const [first, second] = got[0][0].ports
    assert.ok(first instanceof MessagePort && second instanceof MessagePort)
    const heard: unknown[] = []
    first.onmessage = ({ data }) => heard.push(data)
    await until(() => heard.length === 1)
    first.postMessage('back')
    await until(() => server.others.length === 1)
    assert.deepEqual([heard, server.others[0]?.kind], [['early'], 'port'])
  })

  for (const [what, message] of [
    ['a port that was never sent', '["port",1,"x",[]]'],
    ['a close of one', '["port-close",2]'],
    ['an id of the page\'s', '["post","c",1,[1]]'],
    ['an id twice', '["post","c",1,[2,2]]'],
    ['a value of a post', '["post","c",1,[],[["d",[7]]]]'],
  ] as const) {
    test(`invalid ports end the link: ${what}`, async () => {
      const { socket } = server
      socket.deliver(`[1,0,${message}]`)
      await until(() => resets.length === 1)
      assert.equal(socket.closed?.code, 4400)
    })
  }

  test("ports end with their link, also those that were not dispatched yet; the next link's stay", async () => {
    const got = calls('port')
    ipcRenderer.once('first', () => {
      // Later messages wait for tasks of their own; by then the link has ended.
      const { socket } = server
      socket.deaf = true
      server.forget()
      socket.onclose?.({ code: 4410, reason: 'ended' } as never)
    })
    const { port1, port2 } = new MessageChannel()
    let closes = 0
    port1.addEventListener('close', () => { closes += 1 })
    ipcRenderer.postMessage('mine', null, [port2])
    await until(() => server.others.length === 1)
    server.say('["send","first",[]]', '["post","port",1,[2]]')
    await until(() => resets.length === 1 && isOpen() && closes > 0)
    assert.equal(got.length, 1)
    got[0]?.[0].ports[0]?.postMessage('on the old link')
    port1.postMessage('on the old link')
    ipcRenderer.send('n', 'on the new link')
    await until(() => server.sent('n').length === 1)
    await quiet()
    assert.deepEqual([server.others.length, resets.length], [1, 1])
  })
})
