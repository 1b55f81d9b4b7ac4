/**
 * Values that PROTOCOL.md allows and this engine cannot build: their message fails alone (section 5).
 * The server's half is in tests/behaviour/test_unreadable_values.py.
 */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { decodeValue, type ErrorReply } from '../src/core/envelope.js'
import type { IpcRendererEvent } from '../src/types/electron.js'
import { ipcRenderer, isOpen, newServer, resets, server, started } from './support/scripted-page.js'
import { quiet, until } from './support/scripted-server.js'

/** A RegExp with a group that only Python has. */
const PATTERN = '["(?P<year>[0-9]+)",""]'

let warn: ReturnType<typeof mock.method>
const warnings = (): string[] => warn.mock.calls.map((call) => String(call.arguments[0]))

beforeEach(async () => {
  warn = mock.method(console, 'warn', () => undefined)
  newServer()
  await started()
})
afterEach(() => {
  assert.deepEqual([resets, isOpen()], [[], true])
  ipcRenderer.connection.close()
  warn.mock.restore()
})

function calls(channel: string): unknown[][] {
  const all: unknown[][] = []
  ipcRenderer.on(channel, (_event, ...args) => all.push(args))
  return all
}

describe('a value that the engine cannot build', () => {
  test('rejects the call that it answers, and no other', async () => {
    const [wrong, right] = [ipcRenderer.invoke('later'), ipcRenderer.invoke('later')]
    await until(() => server.log.length === 2)
    server.say(`["result",1,${PATTERN},[["r",[]]]]`, '["result",3,7]')
    await assert.rejects(wrong, {
      code: 'unreadable', message: /^Error invoking remote method 'later': .*Invalid regular expression/,
    })
    assert.equal(await right, 7)
  })

  test('in an error leaves its text', async () => {
    const call = ipcRenderer.invoke('later')
    await until(() => server.log.length === 1)
    server.say(`["error",1,{"message":"Error: no row","data":${PATTERN}},[["r",["data"]]]]`)
    await assert.rejects(call, { message: "Error invoking remote method 'later': Error: no row" })
  })

  test('drops a message with a warning, and those behind it arrive', async () => {
    const got = calls('a')
    server.say(`["send","a",[${PATTERN}],[["r",[0]]]]`, '["send","a",[2]]')
    await until(() => got.length === 1)
    assert.deepEqual(got, [[2]])
    assert.match(warnings().join(), /^webipc: a message for 'a' is dropped: .*Invalid regular expression/)
  })

  test('drops a message with ports, which are closed', async () => {
    const got = calls('a')
    server.say(`["post","a",${PATTERN},[2,4],[["r",[]]]]`, '["post","a",1,[6]]')
    const events: IpcRendererEvent[] = []
    ipcRenderer.on('a', (event: IpcRendererEvent) => events.push(event))
    await until(() => events.length === 1 && server.others.length === 2)
    assert.deepEqual(got, [[1]])
    assert.deepEqual(server.others.map((one) => 'port' in one && [one.kind, one.port]), [
      ['port-close', 2], ['port-close', 4],
    ])
    assert.equal(warnings().length, 1)
    events[0]?.ports[0]?.close()
  })

  test('is null in a message through a port, with a warning', async () => {
    const got: unknown[] = []
    ipcRenderer.on('a', (event: IpcRendererEvent) => {
      const [port] = event.ports
      assert.ok(port)
      port.onmessage = ({ data }: MessageEvent) => got.push(data)
    })
    server.say('["post","a",0,[2]]', `["port",2,${PATTERN},[],[["r",[]]]]`, '["port",2,1,[]]', '["port-close",2]')
    await until(() => got.length === 2)
    assert.deepEqual(got, [null, 1])
    assert.equal(warnings().length, 1)
  })

  test('answers a call of the server with an error', async () => {
    ipcRenderer.connection.answers.set('run', () => assert.fail('called'))
    const replies: ErrorReply[] = []
    const came = server.came.bind(server)
    server.came = (socket, frame) => {
      for (const { fields: [kind, id, value], segments } of frame.messages) {
        if (kind === 'error') replies.push({ kind, id: id as number, value, fixups: [], segments, meta: null })
      }
      came(socket, { ...frame, messages: [] })
    }
    server.say(`["invoke",2,"run",[${PATTERN}],[["r",[0]]]]`)
    await until(() => replies.length === 1)
    assert.match((decodeValue(replies[0] as ErrorReply) as Error).message, /Invalid regular expression/)
    await quiet()
  })
})
