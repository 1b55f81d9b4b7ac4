/** Code as Electron's users write it compiles against the client's types. The compiler is the test. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ipcRenderer, type ArgumentProblem, type InvokeError, type IpcRenderer, type IpcRendererEvent,
} from '../../src/index.js'

interface Row { readonly id: number }

/** What a preload script exposes. */
const api = {
  load: (id: number): Promise<Row> => ipcRenderer.invoke('row', id),
  onRow: (listener: (row: Row) => void): (() => void) => {
    const handler = (_event: IpcRendererEvent, row: Row): void => { listener(row) }
    ipcRenderer.on('row', handler)
    return () => ipcRenderer.removeListener('row', handler)
  },
  once: (ipc: IpcRenderer): IpcRenderer => ipc.once('a', (event) => { event.sender.send('b', event.ports.length) })
    .addListener('c', () => undefined).removeAllListeners('c').removeAllListeners(),
  watch: (): void => {
    ipcRenderer.connection.on('reset', ({ reason, notSent }) => { console.log(reason, notSent + 1) })
      .once('state', ({ state }) => state === 'open')
    // @ts-expect-error -- the connection has no such event
    ipcRenderer.connection.on('message', () => undefined)
  },
}

/** What a form does with an error. */
function problems(error: InvokeError): string[] {
  // @ts-expect-error -- a code is a text, also that of an HTTPException
  if (error.code === 404) return []
  if (error.code !== 'bad-argument') return [error.detail ?? error.message]
  return (error.data as { errors: ArgumentProblem[] }).errors.map(({ path, message }) => `${path} ${message}`)
}

test('what a form shows of an error', () => {
  const errors = [{ path: 'user.age', message: 'is missing', type: 'missing' }]
  assert.deepEqual(problems(Object.assign(new Error('long'), { code: 'bad-argument', data: { errors } })), [
    'user.age is missing',
  ])
  assert.deepEqual(problems(Object.assign(new Error('long'), { code: '404', detail: 'short' })), ['short'])
})

test('what a preload script does with it', () => {
  let rows = 0
  const stop = api.onRow(() => { rows += 1 })
  assert.equal(ipcRenderer.emit('row', { sender: ipcRenderer, ports: [] }, { id: 1 }), true)
  stop()
  assert.equal(ipcRenderer.emit('row', { sender: ipcRenderer, ports: [] }, { id: 2 }), false)
  assert.equal(rows, 1)
  assert.equal(api.once(ipcRenderer), ipcRenderer)
  assert.deepEqual(ipcRenderer.eventNames(), [])
  api.watch()
})
