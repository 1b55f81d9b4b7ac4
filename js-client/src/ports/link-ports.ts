/**
 * The ports of one link in the page: real MessagePorts on both sides of the crossing (PROTOCOL.md 4.4). A port that the
 * page gives away is taken over, one that comes is the end of a channel made here; what is said into either goes on.
 *
 * Knows the link only as something that takes messages. Twin in spirit: server/webipc/link_ports.py
 */
import { decode, encode, type Cloned } from '../core/clone/index.js'
import type { Port } from '../core/envelope.js'
import { CloneError, ProtocolError } from '../core/errors.js'
import { encodeMessage, type EncodedMessage } from '../core/frame.js'
import type { Limits } from '../core/limits.js'
import { ask } from '../core/values/slots.js'
import { Side } from '../core/link/index.js'
import { Ports } from '../core/ports.js'
import { CLOSED, HandedPort, takeOver } from './handed-port.js'
import { report } from '../concurrency/report-error.js'

/** What is talked through: a port of a channel that the page has made, or the channel of a port that it was given. */
type End = MessagePort | HandedPort

export class LinkPorts {
  readonly #limits: Limits
  readonly #post: (message: EncodedMessage) => void
  readonly #table: Ports<End>
  /** The link has ended; what came on it may still be dispatched. */
  #over = false

  constructor(limits: Limits, post: (message: EncodedMessage) => void) {
    this.#limits = limits
    this.#post = post
    this.#table = new Ports(Side.RENDERER, limits)
  }

  /** How many are open. */
  get size(): number { return this.#table.records.size }

  /**
   * Sends a message with ports: from then on they are nothing in the page's hands, and what is said into their other
   * ends goes to the server, behind this message.
   *
   * @param fields - of the message, before its value. @throws TypeError as Electron does, and what sending throws
   */
  send(fields: readonly unknown[], cloned: Cloned, transfer: unknown): void {
    const ids = this.#adopt(transfer)
    try {
      this.#post(encodeMessage(fields, cloned, ids))
    } catch (error) {
      for (const id of ids) shut(this.#table.close(id))
      throw error
    }
    for (const id of ids) {
      const end = this.#table.records.get(id)
      if (end) this.#listen(id, end)
    }
  }

  /** Makes the page's ends of ports that have come. @throws ProtocolError */
  handOut(ids: readonly number[]): MessagePort[] {
    return ids.map((id) => {
      const end = new HandedPort()
      try {
        this.#table.accept(id, end)
      } catch (error) {
        end.end()
        throw error
      }
      this.#listen(id, end)
      if (this.#over) shut(this.#table.close(id))
      return end.port
    })
  }

  /** Takes a message for a port. @throws ProtocolError when there never was such a port */
  receive({ port: id, value, fixups, segments, ports: ids }: Port): void {
    const end = this.#table.get(id)
    const ports = this.handOut(ids)
    if (!end) {
      for (const port of ports) port.close()
      return
    }
    const message = this.#readable(() => decode(value, fixups, segments, this.#limits))
    if (end instanceof HandedPort) end.deliver(message, ports)
    else end.postMessage(message, ports)
  }

  /** The other end of a port was closed. @throws ProtocolError when there never was such a port */
  receiveClose(id: number): void {
    if (this.#table.get(id)) shut(this.#table.close(id))
  }

  /** The link is over, and with it every port. */
  end(): void {
    this.#over = true
    for (const end of this.#table.closeAll()) shut(end)
  }

  #adopt(transfer: unknown): number[] {
    const given = transfer === undefined ? [] : transfer
    if (!Array.isArray(given) || !given.every(isPort)) return refuse()
    const ports = given as readonly MessagePort[]
    if (new Set(ports).size < ports.length) refuse()
    this.#table.roomFor(ports.length)
    const taken: MessagePort[] = []
    try {
      for (const port of ports) taken.push(takeOver(port))
    } catch {
      // As in Electron, the ports before the bad one are lost. Here their other ends hear it.
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
    // Of engines that tell, and of the electron module where they do not.
    port.addEventListener('close', () => { this.#sendClose(id) })
  }

  #forward(id: number, data: unknown, ports: readonly MessagePort[]): void {
    if (!this.#table.records.has(id)) return
    try {
      this.send(['port', id], this.#cloned(data), ports)
    } catch (error) {
      // No room, and nobody to tell: rather than leave one message out, the port ends.
      report(error)
      for (const port of ports) port.close()
      this.#sendClose(id)
    }
  }

  /** What a page may say to a port and the server cannot read arrives as null, as in Electron. */
  #cloned(data: unknown): Cloned {
    try {
      return encode(data, this.#limits, 'message')
    } catch (error) {
      if (!(error instanceof CloneError)) throw error
      console.warn(error.message)
      return encode(null, this.#limits)
    }
  }

  #readable(read: () => unknown): unknown {
    try {
      return read()
    } catch (error) {
      // Another page has said it, and the server has not looked at it.
      if (!(error instanceof ProtocolError)) throw error
      return null
    }
  }

  #sendClose(id: number): void {
    const end = this.#table.close(id)
    if (!end) return
    shut(end)
    try {
      this.#post(encodeMessage(['port-close', id]))
    } catch {
      // Closed, or no room: then the end of the link will tell.
    }
  }
}

function shut(end: End | undefined): void {
  if (end instanceof HandedPort) end.end()
  else end?.close()
}

/** Of this realm or of a frame's, whose class is another. What only calls itself so cannot be transferred. */
function isPort(value: unknown): boolean {
  return value instanceof MessagePort || ask(Object.prototype, 'toString', value as object) === '[object MessagePort]'
}

function refuse(): never {
  throw new TypeError('Invalid value for transfer')
}
