/** `connection.token`: what it may be, and that every `hello` from then on has it (PROTOCOL.md 6.1). */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { catchOutliving, letGo } from '../support/outliving.js'
import { ipcRenderer, isOpen, newServer, server, start, started } from '../support/scripted-page.js'
import { requestClass, type Asked } from '../support/scripted-request.js'
import { quiet, until } from '../support/scripted-server.js'

const TOKEN = 'eyJhbGciOiJub25lIn0.AZ_az-09~+/.=='

let asked: Asked[]

beforeEach(() => {
  newServer()
  asked = []
  Object.assign(globalThis, { XMLHttpRequest: requestClass(asked, (body, url) => server.sync(body, url)) })
})
afterEach(() => {
  ipcRenderer.connection.close()
  Reflect.deleteProperty(globalThis, 'XMLHttpRequest')
})

const sent = (): (string | undefined)[] => server.hellos.map(({ auth }) => auth)

describe('a token', () => {
  test('is in the hello of each socket from then on, and of none before', async () => {
    await started({ random: () => 0 })
    ipcRenderer.connection.token = TOKEN
    server.socket.cut()
    await until(() => server.hellos.length === 2 && isOpen())
    ipcRenderer.connection.token = 'next'
    ipcRenderer.connection.close()
    ipcRenderer.connection.open()
    await until(isOpen)
    ipcRenderer.connection.token = undefined
    server.socket.cut()
    await until(() => server.hellos.length === 4 && isOpen())
    assert.deepEqual(sent(), [undefined, TOKEN, 'next', undefined])
  })
  test('is in the hello of a blocking request and of a beacon, and in no address', async () => {
    const { beacons } = catchOutliving()
    try {
      start({ manual: true })
      ipcRenderer.connection.token = TOKEN
      assert.equal(ipcRenderer.connection.token, TOKEN)
      ipcRenderer.connection.open()
      ipcRenderer.send('n')
      assert.deepEqual(ipcRenderer.sendSync('echo', 1), [1])
      await until(isOpen)
      await quiet()
      ipcRenderer.send('n')
      server.socket.deaf = true
      ipcRenderer.connection.leave(false)
      const [beacon] = beacons
      assert.ok(beacon)
      const { hello } = await server.beacon(beacon.body)
      const hellos = [...server.introduced, ...server.requests.map((request) => request.hello), ...server.hellos, hello]
      assert.deepEqual(hellos.map(({ auth }) => auth), [TOKEN, TOKEN, TOKEN, TOKEN])
      const urls = [...asked.map(({ url }) => url), ...server.sockets.map(({ url }) => url), beacon.url]
      assert.deepEqual(urls.filter((url) => url.includes(TOKEN.slice(0, 9))), [])
    } finally {
      letGo()
    }
  })
  test('has at most 8192 characters of RFC 6750; all else throws, is not quoted, and changes nothing', async () => {
    const warn = mock.method(console, 'warn', () => undefined)
    await started()
    const { connection } = ipcRenderer
    connection.token = 'x'.repeat(8192)
    connection.token = TOKEN
    for (const wrong of ['', 'Bearer abc', 'a,b', 'abc\n', 'ä', 'x'.repeat(8193), {}, ['a', 'b'], Symbol.iterator]) {
      assert.throws(() => { connection.token = wrong as string }, (error: Error) => {
        assert.ok(error instanceof TypeError)
        assert.ok(wrong === '' || typeof wrong !== 'string' || !error.message.includes(wrong))
        return true
      })
    }
    assert.equal(connection.token, TOKEN)
    connection.token = 123 as unknown as string
    assert.equal(connection.token, '123')
    assert.equal(warn.mock.callCount(), 0)
    warn.mock.restore()
  })
})
