/**
 * The ports of a link by their ids: which are open, who sent them, and what belongs to each (PROTOCOL.md 4.4).
 * An id is used once, and stays known for closed ever after.
 *
 * Must not know what a port leads to, nor messages or time. Twin: server/webipc/core/ports.py
 */
import { fail, refuseLarger, refuseMore } from './errors.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import { Side } from './link/index.js'

/** The open ports of one link; `T` is what this side has at its end of each. */
export class Ports<T> {
  /** By their ids, in the order in which they crossed the link. */
  readonly records = new Map<number, T>()
  /** The id of the next port that this side sends: RENDERER's are odd, MAIN's even. */
  next: number
  /** The highest id that the peer has used. */
  last: number
  readonly #limits: Limits

  constructor(side: Side, limits: Limits = DEFAULT_LIMITS) {
    this.#limits = limits
    this.next = side === Side.RENDERER ? 1 : 2
    this.last = side === Side.RENDERER ? 0 : -1
  }

  /** @throws LimitError when so many more ports may not be sent */
  roomFor(count: number): void {
    refuseMore('open_ports', this.records.size + count, this.#limits.openPorts)
  }

  /** @returns the id of a port that this side sends. @throws LimitError when `openPorts` are open already. */
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
   * @throws ProtocolError 4400 when the id is not one of the peer's or not larger than all earlier ones; 4413 when
   *   `openPorts` are open already
   */
  accept(id: number, record: T): void {
    if (id <= this.last || (id - this.last) % 2 !== 0) fail('wrong port')
    refuseLarger('open ports', this.records.size + 1, this.#limits.openPorts)
    this.last = id
    this.records.set(id, record)
  }

  /** What belongs to a port; undefined when it is closed. @throws ProtocolError when it was never open. */
  get(id: number): T | undefined {
    const isOurs = (id - this.next) % 2 === 0
    if (isOurs ? id >= this.next : id > this.last) fail('wrong port')
    return this.records.get(id)
  }

  /** Closes a port. @returns what belonged to it, or undefined when it is closed already. */
  close(id: number): T | undefined {
    const record = this.records.get(id)
    this.records.delete(id)
    return record
  }

  /** Closes all. @returns what belonged to them, in the order in which they crossed the link. */
  closeAll(): T[] {
    const open = [...this.records.values()]
    this.records.clear()
    return open
  }
}

/** Plain values, if the records are. A function, like `restore`, so that a page need not download it. */
export function snapshot<T>({ next, last, records }: Ports<T>): PortsSnapshot<T> {
  return { next, last, open: [...records] }
}

/** Ports that go on where those of the snapshot were. */
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
