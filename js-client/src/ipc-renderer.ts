/**
 * Electron's `ipcRenderer`: an emitter of what the server sends, and the methods that send. Thin: values are copied by
 * core/clone.ts, and everything that has to do with the network is behind `connection`.
 *
 * Twin: server/webipc/ipc_main.py
 */
import { Connection, type ConnectionOptions } from './connection.js'
import { encode, type Cloned } from './core/clone.js'
import { decodeValue, type Envelope, type ErrorReply, type Result, type Send } from './core/envelope.js'
import { fail, refuseMore } from './core/errors.js'
import { encodeMessage } from './core/frame.js'
import { DEFAULT_LIMITS, type Limits } from './core/limits.js'
import type * as Electron from './electron-types.js'
import { EventEmitter } from './emitter.js'
import { report } from './report.js'

/** What an `error` carries besides its text (PROTOCOL.md 4.2). */
const DETAILS = ['code', 'data', 'reference'] as const

interface Failure extends Partial<Record<(typeof DETAILS)[number], unknown>> {
  readonly message: string
  readonly cause?: unknown
}

export class IpcRenderer extends EventEmitter implements Electron.IpcRenderer {
  // A minifier renames the class, and warnings name it.
  static override readonly name = 'IpcRenderer'

  readonly connection: Connection
  readonly #limits: Limits

  constructor(options: Omit<ConnectionOptions, 'deliver'>) {
    super()
    this.#limits = options.limits ?? DEFAULT_LIMITS
    this.connection = new Connection({ ...options, deliver: (envelope) => { this.#deliver(envelope) } })
  }

  // Own functions, because programs take them off the object: `const { send, invoke } = ipcRenderer`.
  readonly send = (channel: string, ...args: unknown[]): void => {
    this.connection.post(encodeMessage(['send', channel], this.#cloned(channel, args)))
  }

  readonly invoke = (channel: string, ...args: unknown[]): Promise<unknown> =>
    // What is thrown in here, at the call, is a rejection.
    new Promise((resolve, reject) => {
      this.connection.call({ channel, resolve, reject, seq: 0 }, this.#cloned(channel, args))
    })

  #cloned(channel: unknown, args: unknown[]): Cloned {
    if (typeof channel !== 'string') {
      // Electron counts an argument of its own before it.
      throw new TypeError(`Error processing argument at index 1, conversion failure from ${String(channel)}`)
    }
    refuseMore('channel_length', channel.length, this.#limits.channelLength)
    return encode(args, this.#limits)
  }

  #deliver(envelope: Envelope): void {
    switch (envelope.kind) {
      case 'send':
        this.#dispatch(envelope)
        break
      case 'result':
        this.#resolve(envelope)
        break
      case 'error':
        this.#fail(envelope)
        break
      case 'void':
        break
      default:
        fail(`'${envelope.kind}' is not for a page`)
    }
  }

  #dispatch(envelope: Send): void {
    const args = this.#value(envelope)
    if (!Array.isArray(args)) fail('wrong value of send')
    try {
      this.emit(envelope.channel, { sender: this, ports: [] }, ...args as unknown[])
    } catch (error) {
      report(error)
    }
  }

  #resolve(envelope: Result): void {
    // First the value: if it lies, the call waits for the end of the link.
    const value = this.#value(envelope)
    this.connection.settle(envelope.id)?.resolve(value)
  }

  #fail(envelope: ErrorReply): void {
    // That it is an object with a message was the envelope's to check.
    const failure = this.#value(envelope) as Failure
    const call = this.connection.settle(envelope.id)
    call?.reject(remoteError(call.channel, failure))
  }

  #value(carrier: Send | Result | ErrorReply): unknown {
    return decodeValue(carrier, this.#limits)
  }
}

/** A plain Error with Electron's text; what else the server told is there as own properties. */
function remoteError(channel: string, failure: Failure): Error {
  const error = new Error(
    `Error invoking remote method '${channel}': ${failure.message}`,
    'cause' in failure ? { cause: failure.cause } : {},
  )
  for (const name of DETAILS) if (name in failure) Object.assign(error, { [name]: failure[name] })
  return error
}
