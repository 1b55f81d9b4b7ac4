/**
 * The ports of one link in the page (PROTOCOL.md 4.4): a port that the page sends is taken over, and a port that it
 * receives is one end of a channel made here. Messages are forwarded between the port and the link.
 * Twin: server/webipc/ports/link_ports.py
 */
import { decode, encode, type Cloned } from '../core/clone/index.js'
import type { Port } from '../core/envelope.js'
import { LimitError, RemoteError, refuseMore, type WebipcError } from '../core/errors.js'
import { encodeMessage, type EncodedMessage } from '../core/frame.js'
import type { Limits } from '../core/limits.js'
import { ask } from '../core/values/slots.js'
import { Side } from '../core/link/index.js'
import { Ports } from '../core/ports.js'
import { CLOSED, HandedPort, takeOver } from './handed-port.js'
import { report } from '../concurrency/report-error.js'

/** A port that the page has sent, or the channel of a port that it has received. */
type End = MessagePort | HandedPort

export class LinkPorts {
  readonly #limits: Limits
  readonly #post: (message: EncodedMessage) => void
  readonly #mostBytes: () => number
  readonly #table: Ports<End>
  /** The link has ended; its messages may still be dispatched. */
  #over = false

  /** @param mostBytes - tells the size of the largest message that `post` does not refuse */
  constructor(limits: Limits, post: (message: EncodedMessage) => void, mostBytes: () => number) {
    this.#limits = limits
    this.#post = post
    this.#mostBytes = mostBytes
    this.#table = new Ports(Side.RENDERER, limits)
  }

  /** The number of open ports. */
  get size(): number { return this.#table.records.size }

  /**
   * Sends a message with ports. The page can no longer use these ports. What is posted to their other ends goes to the
   * server, after this message.
   *
   * @param fields - of the message, before its value. @throws TypeError with Electron's text, and what sending throws
   */
  send(fields: readonly unknown[], cloned: Cloned, transfer: unknown): void {
    const ids = this.#adopt(transfer)
    try {
      this.#post(encodeMessage(fields, cloned, ids))
    } catch (error) {
      for (const id of ids) this.#table.close(id)?.close()
      throw error
    }
    for (const id of ids) {
      const end = this.#table.records.get(id)
      if (end) this.#listen(id, end)
    }
  }

  /** Returns the page's ends of ports that were received. @throws ProtocolError */
  handOut(ids: readonly number[]): MessagePort[] {
    return ids.map((id) => {
      const end = new HandedPort((message) => { this.#check(id, message) })
      try {
        this.#table.accept(id, end)
      } catch (error) {
        end.close()
        throw error
      }
      this.#listen(id, end)
      if (this.#over) this.#table.close(id)?.close()
      return end.port
    })
  }

  /** Delivers a message to a port. @throws ProtocolError if there never was such a port */
  receive({ port: id, value, fixups, segments, ports: ids }: Port): void {
    const end = this.#table.get(id)
    const ports = this.handOut(ids)
    if (!end) {
      for (const port of ports) port.close()
      return
    }
    let message: unknown = null
    try {
      message = decode(value, fixups, segments, this.#limits)
    } catch (error) {
      // Another page has sent it, and the server forwards such values undecoded; or this engine cannot build it.
      if (!(error instanceof RemoteError)) throw error
      console.warn(error.message)
    }
    end.postMessage(message, ports)
  }

  /** The other end of a port was closed. @throws ProtocolError if there never was such a port */
  receiveClose(id: number): void {
    if (this.#table.get(id)) this.#table.close(id)?.close()
  }

  /** The link has ended: closes every port. */
  end(): void {
    this.#over = true
    for (const end of this.#table.closeAll()) end.close()
  }

  #adopt(ports: unknown = []): number[] {
    if (!arePorts(ports) || new Set(ports).size < ports.length) return refuse()
    this.#table.roomFor(ports.length)
    const taken: MessagePort[] = []
    try {
      for (const port of ports) taken.push(takeOver(port))
    } catch {
      // As in Electron, the ports before the bad one are lost. Here their other ends get a `close`.
      for (const port of taken) port.close()
      refuse()
    }
    return taken.map((port) => this.#table.open(port))
  }

  #listen(id: number, end: End): void {
    const port = end instanceof HandedPort ? end.inner : end
    port.onmessage = ({ data, ports }: MessageEvent) => {
      if (data === CLOSED) this.#sendClose(id)
      else this.#forward(id, data, ports)
    }
    // The engine dispatches this event, or the electron module where the engine does not.
    port.addEventListener('close', () => { this.#sendClose(id) })
  }

  #forward(id: number, data: unknown, ports: readonly MessagePort[]): void {
    if (!this.#table.records.has(id)) return
    try {
      this.send(['port', id], this.#cloned(data), ports)
    } catch (error) {
      // There is no caller to throw to.
      report(error)
      for (const port of ports) port.close()
      // A message that is too large, or has too many ports, fails alone. If the buffer is full, closing the port is
      // better than losing one message.
      if (data !== null && (error as WebipcError).code === 'limit') this.#forward(id, null, [])
      else this.#sendClose(id)
    }
  }

  /**
   * Refuses what would arrive as null because it is beyond a limit. What cannot be cloned is up to the browser, which
   * refuses it too, or takes it. @throws LimitError
   */
  #check(id: number, message: unknown): void {
    try {
      const { size } = encodeMessage(['port', id], encode(message, this.#limits, 'message'), [])
      refuseMore('message_bytes', size, this.#mostBytes())
    } catch (error) {
      if (error instanceof LimitError) throw error
    }
  }

  /** A value that cannot be sent arrives as null, as what cannot be read does in Electron. */
  #cloned(data: unknown): Cloned {
    try {
      return encode(data, this.#limits, 'message')
    } catch (error) {
      console.warn((error as Error).message)
      return encode(null)
    }
  }

  #sendClose(id: number): void {
    const end = this.#table.close(id)
    if (!end) return
    end.close()
    try {
      this.#post(encodeMessage(['port-close', id]))
    } catch {
      // The connection is closed or the buffer full. The port closes there when the link ends.
    }
  }
}

/** Of this realm, or of an iframe, which has its own class. An object that only has the tag cannot be transferred. */
function arePorts(values: unknown): values is readonly MessagePort[] {
  return Array.isArray(values) && values.every((value) =>
    value instanceof MessagePort || ask(Object.prototype, 'toString', value as object) === '[object MessagePort]')
}

function refuse(): never {
  throw new TypeError('Invalid value for transfer')
}
