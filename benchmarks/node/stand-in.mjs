/**
 * Sockets without a network: a server in the same process that adds two numbers and answers in the next turn of the
 * event loop, as a socket would. `spent` is the time in it, which is not the client's.
 */
import { performance } from 'node:perf_hooks'

export const standIn = { spent: 0 }

/** Runs `work` on the account of the stand-in; what it returns is delivered in a later turn. */
function later(work, deliver) {
  const began = performance.now()
  const reply = work()
  if (reply !== undefined) setImmediate(deliver, reply)
  standIn.spent += performance.now() - began
}

/** webipc's server, as far as `add` needs it: a browser's WebSocket. */
export class WebipcStandIn {
  bufferedAmount = 0
  readyState = 1
  #sent = 0

  constructor() {
    setImmediate(() => this.onopen?.({}))
  }

  send(frame) {
    later(() => this.#reply(frame), (data) => this.onmessage({ data }))
  }

  #reply(frame) {
    const [seq, , ...messages] = JSON.parse(frame)
    if (messages.length === 0) return undefined
    if (messages[0][0] === 'hello') {
      const welcome = { received: 0, features: [], process: '0', webContentsId: 1, messageBytes: 33_554_432 }
      return JSON.stringify([0, 0, ['welcome', { ...welcome, token: '0'.repeat(32), frameToken: '0'.repeat(32) }]])
    }
    const results = messages.map(([, id, , [a, b]]) => ['result', id, a + b])
    const first = this.#sent + 1
    this.#sent += results.length
    return JSON.stringify([first, seq + messages.length - 1, ...results])
  }

  close() {}
}

/** A server of JSON-RPC: a socket of `ws`. */
export class JsonRpcStandIn {
  #listener = () => {}

  once(name, listener) {
    if (name === 'open') setImmediate(listener)
    return this
  }

  on(name, listener) {
    if (name === 'message') this.#listener = listener
    return this
  }

  send(text) {
    later(
      () => {
        const { id, params: [a, b] } = JSON.parse(text)
        return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result: a + b }))
      },
      (data) => this.#listener(data, false),
    )
  }

  close() {}
}
