/**
 * A page under test with a connection to a scripted server: its client, and the events of the connection. The exports
 * with `let` are recreated for each test; an import sees the current value.
 *
 * A test file calls `newServer` before each of its tests, and closes the connection afterwards.
 */
import type { ConnectionOptions } from '../../src/link/options.js'
import type { ResetEvent, StateEvent } from '../../src/types/connection.js'
import type { IpcRenderer } from '../../src/ipc-renderer.js'
import { clientOf, ScriptedServer, until } from './scripted-server.js'

export let server: ScriptedServer
export let ipcRenderer: IpcRenderer
/** Every state event of the connection, with its reason. */
export let states: string[]
export let resets: ResetEvent[]

export function newServer(): void {
  server = new ScriptedServer()
}

export function start(options: Partial<ConnectionOptions> = {}): void {
  ipcRenderer = clientOf(server, options)
  states = []
  resets = []
  ipcRenderer.connection.on('state', ({ state, reason }: StateEvent) => {
    states.push(reason === undefined ? state : `${state}: ${reason}`)
  })
  ipcRenderer.connection.on('reset', (event: ResetEvent) => resets.push(event))
  ipcRenderer.connection.begin()
}

/** Starts, and waits for the welcome. */
export async function started(options: Partial<ConnectionOptions> = {}): Promise<void> {
  start(options)
  await until(isOpen)
}

export const isOpen = (): boolean => ipcRenderer.connection.state === 'open'

/** What has come when that many numbers were sent, each in a message of its own. */
export const numbers = (count: number): number[][] => Array.from({ length: count }, (_, index) => [index])
