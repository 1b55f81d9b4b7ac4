/**
 * The ports of a link by id: which are open, which side sent them, and this side's record of each (PROTOCOL.md 4.4).
 * An id is used once; after `close` it is known as closed. Twin: server/webipc/core/ports.py
 */
import { fail, refuseLarger, refuseMore } from './errors.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import type { Side } from './link/index.js'

/** The open ports of one link. `T` is this side's record of a port. */
export class Ports<T> {
  /** By id, in the order in which they crossed the link. */
  readonly records = new Map<number, T>()
  /** The id of the next port that this side sends: RENDERER's are odd, MAIN's even. */
  next: number
  /** The highest id that the peer has used. */
  last: number
  readonly #limits: Limits

  constructor(side: Side, limits: Limits = DEFAULT_LIMITS) {
    this.#limits = limits
    this.next = side
    // Two below the first id of the peer.
    this.last = 1 - side
  }

  /** @throws LimitError if `count` more ports would exceed `openPorts` */
  roomFor(count: number): void {
    refuseMore('open_ports', this.records.size + count, this.#limits.openPorts)
  }

  /** @returns the id of a port that this side sends. @throws LimitError if `openPorts` are open already */
  open(record: T): number {
    this.roomFor(1)
    const id = this.next
    this.next += 2
    this.records.set(id, record)
    return id
  }

  /**
   * The peer has sent a port.
   *
   * @throws ProtocolError 4400 if the id has the wrong parity or is not larger than all earlier ones; 4413 if
   *   `openPorts` are open already
   */
  accept(id: number, record: T): void {
    if (id <= this.last || (id - this.last) % 2 !== 0) fail('wrong port')
    refuseLarger('open ports', this.records.size + 1, this.#limits.openPorts)
    this.last = id
    this.records.set(id, record)
  }

  /** @returns the record of a port; undefined if it is closed. @throws ProtocolError if it was never open */
  get(id: number): T | undefined {
    const isOurs = (id - this.next) % 2 === 0
    if (isOurs ? id >= this.next : id > this.last) fail('wrong port')
    return this.records.get(id)
  }

  /** Closes a port. @returns its record, or undefined if it is closed already */
  close(id: number): T | undefined {
    const record = this.records.get(id)
    this.records.delete(id)
    return record
  }

  /** Closes all ports. @returns their records, in the order in which they crossed the link */
  closeAll(): T[] {
    const open = [...this.records.values()]
    this.records.clear()
    return open
  }
}

/** The state as plain values, if the records are. A function, like `restore`, so that pages do not download it. */
export function snapshot<T>({ next, last, records }: Ports<T>): PortsSnapshot<T> {
  return { next, last, open: [...records] }
}

/** Ports with the state of the snapshot. */
export function restore<T>(side: Side, limits: Limits, { next, last, open }: PortsSnapshot<T>): Ports<T> {
  const ports = new Ports<T>(side, limits)
  Object.assign(ports, { next, last })
  for (const [id, record] of open) ports.records.set(id, record)
  return ports
}

interface PortsSnapshot<T> {
  readonly next: number
  readonly last: number
  readonly open: readonly (readonly [number, T])[]
}
