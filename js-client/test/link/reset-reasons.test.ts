/** What the page is told of a link that has ended: one reason, and whether each call may have run (PROTOCOL.md 6.5). */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { ResetError } from '../../src/core/errors.js'
import { encodeControl } from '../../src/core/frame.js'
import { ipcRenderer, isOpen, newServer, resets, server, started } from '../support/scripted-page.js'
import { until } from '../support/scripted-server.js'

beforeEach(newServer)
afterEach(() => { ipcRenderer.connection.close() })

test('the event and the rejected calls have the reason of the server, in whichever way it says it', async () => {
  await started()
  const reasons = ['unknown-link', 'another-process', 'ended', 'gap', 'overflow', 'protocol']
  // In a `reset`, and in the close frame alone.
  const ways: ((reason: string) => void)[] = [
    (reason) => { server.socket.deliver(encodeControl(0, 'reset', { reason })) },
    (reason) => { server.socket.cut(4410, reason) },
  ]
  for (const reason of reasons) {
    for (const tell of ways) {
      const count = resets.length
      const call = assert.rejects(ipcRenderer.invoke('no answer'), { reason, code: 'unknown-outcome' })
      await until(() => server.log.length === count + 1)
      tell(reason)
      await call
      await until(() => resets.length > count && isOpen())
      assert.deepEqual(resets[count], { reason, notSent: 0, unknownOutcome: 1, givenUp: 1 })
    }
  }
})
test('a server that has drained took only what it has acknowledged', async () => {
  const outcomes = async (reason: string): Promise<unknown[]> => {
    const codes = ['taken', 'not taken'].map((name) =>
      ipcRenderer.invoke(name).catch((error: unknown) => (error as ResetError).code))
    const { length } = server.log
    await until(() => server.log.length >= length + 2)
    // The first is acknowledged.
    server.socket.deliver(`[${server.link.last + 1},${server.link.received - 1}]`)
    server.socket.cut(1012, reason)
    server.forget()
    return Promise.all(codes)
  }
  await started()
  assert.deepEqual(await outcomes('drained'), ['unknown-outcome', 'not-sent'])
  await until(isOpen)
  assert.deepEqual(await outcomes(''), ['unknown-outcome', 'unknown-outcome'])
  await until(() => resets.length === 2)
  assert.deepEqual(resets.map(({ notSent, unknownOutcome }) => [notSent, unknownOutcome]), [[1, 1], [0, 2]])
})
