/**
 * Electron's `ipcRenderer`: emits the messages of the server, and has the methods that send. Values are copied by
 * core/clone/; the network is behind `connection`. Twin: server/webipc/ipc_main.py
 */
import { Connection } from './link/connection.js'
import type { ClientOptions } from './link/options.js'
import { decode, encode, type Cloned } from './core/clone/index.js'
import { descriptor } from './core/clone/skeleton.js'
import {
  decodeValue, type Envelope, type ErrorReply, type Invoke, type Post, type Result, type Send,
} from './core/envelope.js'
import { fail, ProtocolError, refuseMore, UnreadableError } from './core/errors.js'
import { encodeMessage } from './core/frame.js'
import { DEFAULT_LIMITS, type Limits } from './core/limits.js'
import { answers as succeeds } from './core/values/slots.js'
import type * as Electron from './types/electron.js'
import { EventEmitter } from './channels/emitter.js'
import { postToHost } from './web-view/host.js'
import { report } from './concurrency/report-error.js'

/** The value of an `error` (PROTOCOL.md 4.2). */
interface Failure {
  readonly message: string
  readonly cause?: unknown
}

export class IpcRenderer extends EventEmitter implements Electron.IpcRenderer {
  // A minifier renames the class, and warnings name it.
  static override readonly name = 'IpcRenderer'

  readonly connection: Connection
  readonly #limits: Limits

  constructor(options: ClientOptions) {
    super()
    this.#limits = options.limits ?? DEFAULT_LIMITS
    this.connection = new Connection({ ...options, deliver: (envelope) => { this.#deliver(envelope) } })
  }

  // Own functions, because programs destructure them: `const { send, invoke } = ipcRenderer`.
  readonly send = (channel: string, ...args: unknown[]): void => {
    this.connection.protect(() => {
      this.connection.post(encodeMessage(['send', channel], this.#cloned(channel, args)))
    })
  }

  readonly invoke = (channel: string, ...args: unknown[]): Promise<unknown> =>
    // An exception in the executor is a rejection.
    new Promise((resolve, reject) => {
      this.connection.call({ channel, resolve, reject, seq: 0 }, this.#cloned(channel, args))
    })

  readonly sendSync = (channel: string, ...args: unknown[]): unknown => {
    const answer = this.connection.callSync(channel, this.#cloned(channel, args))
    if (answer.kind === 'result') return this.#value(answer)
    if (answer.kind !== 'error') fail(`unexpected ${answer.kind}`)
    throw withDetails(this.#value(answer) as Failure, '')
  }

  readonly postMessage = (channel: string, message: unknown, transfer?: MessagePort[]): void => {
    this.connection.postPorted(channel, this.#cloned(channel, message, 0, 'message'), transfer)
  }

  readonly sendTo = (webContentsId: number, channel: string, ...args: unknown[]): void => {
    if (!Number.isInteger(webContentsId)) refuseArgument(1, webContentsId)
    const cloned = this.#cloned(channel, args, 2)
    this.connection.require('send-to')
    // No web contents have such an id: dropped silently, as for any unknown id.
    if (webContentsId > 0) this.connection.post(encodeMessage(['send-to', webContentsId, channel], cloned))
  }

  readonly sendToHost = (channel: string, ...args: unknown[]): void => {
    const { skeleton, fixups, segments } = this.#cloned(channel, args, 0)
    postToHost({ channel, args: decode(skeleton, fixups, segments) as unknown[] })
  }

  /** @param index - of the channel in Electron's count of arguments, which begins with an internal one */
  #cloned(channel: unknown, value: unknown, index = 1, root?: string): Cloned {
    if (typeof channel !== 'string') return refuseArgument(index, channel)
    refuseMore('channel_length', channel.length, this.#limits.channelLength)
    return encode(value, this.#limits, root)
  }

  #deliver(envelope: Envelope): void {
    try {
      this.#dispatch(envelope)
    } catch (error) {
      if (!(error instanceof UnreadableError) && !isForeign(envelope, error)) throw error
      this.#drop(envelope, error as Error)
    }
  }

  /** What a message does, by its kind; a page gets no others. */
  readonly #effects: { readonly [Kind in Envelope['kind']]?: (envelope: Extract<Envelope, { kind: Kind }>) => void } = {
    send: (envelope) => {
      const { senderId, senderIsMainFrame = true } = envelope.meta ?? {}
      const args = this.#value(envelope)
      if (!Array.isArray(args)) fail('wrong value')
      this.#emit(envelope.channel, args, senderId === undefined ? {} : { senderId, senderIsMainFrame })
    },
    result: (envelope) => {
      // The value first: if it is wrong, the call stays open and is rejected at the end of the link.
      const value = this.#value(envelope)
      this.connection.settle(envelope.id)?.resolve(value)
    },
    // The envelope was checked: it is an object with a message.
    error: (envelope) => { this.#reject(envelope.id, this.#value(envelope) as Failure) },
    post: (envelope) => {
      const value = this.#value(envelope)
      this.#emit(envelope.channel, [value], { ports: this.connection.ports.handOut(envelope.ports) })
    },
    invoke: (envelope) => {
      const args = this.#value(envelope) as unknown[]
      void this.#answer(envelope.id, () => {
        const handler = this.connection.answers.get(envelope.channel)
        if (!handler) throw new Error(`the page does not allow '${envelope.channel}'`)
        return handler(...args)
      })
    },
    port: (envelope) => { this.connection.ports.receive(envelope) },
    'port-close': ({ port }) => { this.connection.ports.receiveClose(port) },
    void: () => undefined,
  }

  #dispatch(envelope: Envelope): void {
    const effect = this.#effects[envelope.kind] as ((envelope: Envelope) => void) | undefined
    if (!effect) fail(`unexpected ${envelope.kind}`)
    effect(envelope)
  }

  /** A value that this engine cannot build concerns its message alone (PROTOCOL.md section 5). */
  #drop(envelope: Envelope, error: Error): void {
    switch (envelope.kind) {
      case 'result':
        this.#reject(envelope.id, error)
        break
      case 'error':
        // What it says is its text.
        this.#reject(envelope.id, { message: (envelope.value as Failure).message })
        break
      case 'invoke':
        void this.#answer(envelope.id, () => { throw error })
        break
      default:
        if ('ports' in envelope) for (const port of this.connection.ports.handOut(envelope.ports)) port.close()
        console.warn(`webipc: a message for '${(envelope as Send).channel}' is dropped: ${error.message}`)
    }
  }

  #emit(channel: string, args: readonly unknown[], fields: Partial<Electron.IpcRendererEvent>): void {
    const event = { sender: this, ports: [], ...fields }
    // Not enumerable: Electron 27 has `senderId`, later versions do not.
    if (fields.senderId === undefined) Object.defineProperty(event, 'senderId', descriptor({ value: 0 }))
    try {
      this.emit(channel, event, ...args)
    } catch (error) {
      report(error)
    }
  }

  #reject(id: number, failure: Failure): void {
    const call = this.connection.settle(id)
    call?.reject(withDetails(failure, `Error invoking remote method '${call.channel}': `))
  }

  /** Answers a call of the server. A channel that the page does not allow, or a handler that throws, is an error. */
  async #answer(id: number, handler: () => unknown): Promise<void> {
    const { ports } = this.connection
    const answer = (kind: 'result' | 'error', value: unknown): void => {
      this.connection.answer(ports, encodeMessage([kind, id], encode(value, this.#limits, kind)))
    }
    try {
      answer('result', await handler())
    } catch (error) {
      // The thrown value may be not cloneable, without a text, or too large. The first reply that works is sent.
      const replies = [
        () => ({ message: String(error), cause: error }),
        () => ({ message: String(error) }),
        () => ({ message: 'Error' }),
      ]
      replies.some((reply) => succeeds(() => { answer('error', reply()) }))
    }
  }

  #value(carrier: Send | Post | Invoke | Result | ErrorReply): unknown {
    return decodeValue(carrier, this.#limits)
  }
}

/** The server forwards what another page sends without decoding it. A wrong value must not end this page's link. */
function isForeign(envelope: Envelope, error: unknown): boolean {
  return (envelope as Send).meta?.senderId !== undefined && error instanceof ProtocolError
}

function refuseArgument(index: number, value: unknown): never {
  throw new TypeError(`Error processing argument at index ${index}, conversion failure from ${String(value)}`)
}

/** A plain Error; the further fields that the server has sent are own properties. */
function withDetails(failure: Failure, prefix: string): Error {
  const { message, cause, ...details } = failure
  return Object.assign(new Error(prefix + message, Object.hasOwn(failure, 'cause') ? { cause } : {}), details)
}
