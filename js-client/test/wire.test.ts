/**
 * What is on the wire between a page and a server: tests/vectors/wire/*.json, whose page is played by this client, and
 * whose server by the test. tests/vectors/README.md says what the steps mean.
 * Twin, for the side `server`: tests/link/test_wire.py
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, test } from 'node:test'
import { decodeFrame, encodeBody, type Frame } from '../src/core/frame.js'
import { DEFAULT_LIMITS } from '../src/core/limits.js'
import { IpcRenderer } from '../src/ipc-renderer.js'
import type { Socket } from '../src/transports/websocket.js'
import { until } from './support/scripted-server.js'
import { fromHex, readVectors, toHex } from './support/vectors.js'

type Data = string | { readonly hex: string }
type Action = readonly [method: 'invoke' | 'send' | 'close', ...args: unknown[]]

interface Step {
  readonly open?: string
  readonly page?: Data
  readonly do?: Action
  readonly gives?: unknown
  readonly fails?: string
  readonly server?: Data
  /** What the server has written is lost with the socket. */
  readonly lost?: boolean | number
  readonly server_closes?: number
  readonly page_closes?: number
  readonly state?: string
  readonly post?: string
  readonly frames?: readonly Data[]
  readonly hex?: string
}

interface Transcript {
  readonly name: string
  readonly plays: readonly string[]
  readonly steps: readonly Step[]
}

const names = readdirSync(new URL('../../tests/vectors/wire/', import.meta.url))
const transcripts = names.map((name) => readVectors<Transcript>(`wire/${name}`))

/** What stands for a value that each server chooses. */
const CHOSEN: Record<string, unknown> = {
  '<text>': 'chosen', '<texts>': ['ports', 'sync', 'send-to'], '<id>': 1, '<token>': 'ab'.repeat(16),
}

/** The server's side of a WebSocket of the page. */
class WireSocket implements Socket {
  static readonly all: WireSocket[] = []
  binaryType = 'blob'
  bufferedAmount = 0
  onopen: ((event: never) => void) | null = null
  onmessage: ((event: never) => void) | null = null
  onclose: ((event: never) => void) | null = null
  readonly sent: (string | Uint8Array)[] = []
  closed: number | undefined

  constructor(readonly url: string, readonly protocol: string) { WireSocket.all.push(this) }

  send(data: string | Uint8Array): void { this.sent.push(data) }
  close(code?: number): void { this.closed = code }
}

const dataOf = (data: Data): string | Uint8Array<ArrayBuffer> =>
  typeof data === 'string' ? data : fromHex(data.hex).slice()

/** A value of the vectors, in which bytes are hexadecimal digits. */
function valueOf(value: unknown): unknown {
  const { bytes } = (value ?? {}) as { bytes?: string }
  return bytes === undefined ? value : fromHex(bytes)
}

function plain({ seq, ack, messages, control }: Frame): unknown[] {
  const numbered = messages.map(({ fields, segments }) => [...fields, ...segments.map(toHex)])
  return [seq, ack, ...control ? [control] : numbered]
}

/** Fills in what a server chooses. */
function chosen(data: Data): string | ArrayBuffer {
  if (typeof data !== 'string') return fromHex(data.hex).slice().buffer
  return JSON.stringify(JSON.parse(data, (_key, value: unknown) => CHOSEN[String(value)] ?? value))
}

/** `found` may have more keys, and its link, secret and features are the page's own choice. */
function assertSent(expected: unknown[], found: unknown[]): void {
  const [, , control] = expected
  if (!Array.isArray(control) || control[0] !== 'hello') {
    assert.deepEqual(found, expected)
    return
  }
  const [, fields] = control as [string, Record<string, unknown>]
  const [seq, ack, sent] = found as [number, number, [string, Record<string, unknown>]]
  assert.deepEqual([seq, ack, sent[0]], [...expected.slice(0, 2), 'hello'])
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'link' || name === 'secret') assert.match(String(sent[1][name]), /^[0-9a-f]{32}$/)
    else if (name === 'features') assert.ok(Array.isArray(sent[1][name]))
    else assert.deepEqual(sent[1][name], value, name)
  }
}

/** Plays the server of one transcript to a page. */
class Player {
  readonly #ipcRenderer: IpcRenderer
  readonly #promises: Promise<void>[] = []
  #opened = 0
  #read = 0

  constructor() {
    WireSocket.all.length = 0
    this.#ipcRenderer = new IpcRenderer({
      address: 'http://127.0.0.1/ipc', WebSocket: WireSocket, random: () => 0, limits: { ...DEFAULT_LIMITS, ackMs: 1 },
    })
    this.#ipcRenderer.connection.begin()
  }

  get #socket(): WireSocket {
    const socket = WireSocket.all[this.#opened - 1]
    assert.ok(socket, 'a socket was opened')
    return socket
  }

  async play(step: Step): Promise<void> {
    if (step.do) this.#act(step.do, step)
    if (step.open !== undefined) await this.#open(step.open)
    else if (step.page !== undefined) await this.#page(step.page)
    else if (step.server !== undefined) this.#server(step.server, step.lost === true)
    else if (step.page_closes !== undefined) await this.#pageCloses(step.page_closes)
    else await this.#closes(step)
  }

  #act([method, ...args]: Action, { gives, fails }: Step): void {
    if (method === 'close') this.#ipcRenderer.connection.close()
    else if (method === 'send') this.#ipcRenderer.send(...args as [string])
    else {
      const promise = this.#ipcRenderer.invoke(...args.map(valueOf) as [string])
      this.#promises.push(fails === undefined ? this.#expect(promise, gives) : this.#expectFailure(promise, fails))
    }
  }

  async #expect(promise: Promise<unknown>, gives: unknown): Promise<void> {
    assert.deepEqual(await promise, valueOf(gives))
  }

  async #expectFailure(promise: Promise<unknown>, fails: string): Promise<void> {
    await assert.rejects(promise, (error: Error) => fails in CHOSEN || error.message === fails)
  }

  async #open(path: string): Promise<void> {
    await until(() => WireSocket.all.length > this.#opened)
    this.#opened += 1
    this.#read = 0
    assert.deepEqual([this.#socket.url, this.#socket.protocol], [`ws://127.0.0.1${path}`, 'webipc.v1'])
    this.#socket.onopen?.({} as never)
  }

  async #page(data: Data): Promise<void> {
    const { sent } = this.#socket
    await until(() => sent.length > this.#read)
    const found = sent[this.#read]
    this.#read += 1
    assert.ok(found !== undefined)
    assertSent(plain(decodeFrame(dataOf(data))), plain(decodeFrame(found)))
  }

  #server(data: Data, isLost: boolean): void {
    if (!isLost) this.#socket.onmessage?.({ data: chosen(data) } as never)
  }

  async #pageCloses(code: number): Promise<void> {
    await until(() => this.#socket.closed !== undefined)
    assert.equal(this.#socket.closed, code)
  }

  async #closes({ server_closes: code, lost, state }: Step): Promise<void> {
    assert.ok(code ?? lost, 'a step that is known')
    this.#socket.onclose?.({ code: code ?? lost, reason: '' } as never)
    if (state !== undefined) await until(() => this.#ipcRenderer.connection.state === state)
  }

  async end(): Promise<void> {
    await Promise.all(this.#promises)
    this.#ipcRenderer.connection.close()
  }
}

describe('the page plays its side', () => {
  for (const { name, plays, steps } of transcripts) {
    if (!plays.includes('page')) continue
    test(name, async (context) => {
      context.mock.method(console, 'warn', () => undefined)
      const player = new Player()
      for (const step of steps) await player.play(step)
      await player.end()
    })
  }
})

describe('a body is encoded as in the transcript', () => {
  for (const { name, steps } of transcripts) {
    const posts = steps.filter((step) => step.post !== undefined)
    if (posts.length === 0) continue
    test(name, () => {
      for (const { frames = [], hex } of posts) assert.equal(toHex(encodeBody(frames.map(dataOf))), hex)
    })
  }
})
