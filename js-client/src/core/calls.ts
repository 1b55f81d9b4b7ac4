/**
 * The calls of a link by id: those that this side opened, and those that the peer opened (PROTOCOL.md 4, 4.2).
 * Each id is settled once. Twin: server/webipc/core/calls.py
 */
import { fail, refuseLarger, refuseMore } from './errors.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import { Side } from './link/index.js'

/** The calls that this side opened and that wait for an answer. `T` is the caller's record of a call. */
export class Calls<T> {
  /** By id, in the order in which they were opened. */
  readonly records = new Map<number, T>()
  /** The id of the next call: RENDERER's are odd, MAIN's even. It grows by 2, so ids are never reused. */
  next: number
  readonly #limits: Limits

  constructor(side: Side, limits: Limits = DEFAULT_LIMITS) {
    this.#limits = limits
    this.next = side
  }

  /** @returns the id of a new call. @throws LimitError if `openCalls` are waiting already */
  open(record: T): number {
    refuseMore('open_calls', this.records.size + 1, this.#limits.openCalls)
    const id = this.next
    this.next += 2
    this.records.set(id, record)
    return id
  }

  /** Closes a call. @returns its record, or undefined if it is not open; then its answer is ignored */
  settle(id: number): T | undefined {
    const record = this.records.get(id)
    this.records.delete(id)
    return record
  }

  /** Closes all calls. @returns them in the order in which they were opened */
  failAll(): [number, T][] {
    const open = [...this.records]
    this.records.clear()
    return open
  }
}

/** The state as plain values, if the records are. A function, like `restore`, so that pages do not download it. */
export function snapshot<T>({ next, records }: Calls<T>): CallsSnapshot<T> {
  return { next, records: [...records] }
}

/** Calls with the state of the snapshot. */
export function restore<T>(side: Side, limits: Limits, { next, records }: CallsSnapshot<T>): Calls<T> {
  const calls = new Calls<T>(side, limits)
  calls.next = next
  for (const [id, record] of records) calls.records.set(id, record)
  return calls
}

/** The calls that the peer opened and that this side has to answer. */
export class Answers {
  readonly #limits: Limits
  readonly #open = new Set<number>()
  /** The highest id so far. A new id must be higher. */
  #last: number

  /** @param side - of this end; the peer's ids have the other parity */
  constructor(side: Side, limits: Limits = DEFAULT_LIMITS) {
    this.#limits = limits
    this.#last = (side === Side.MAIN ? Side.RENDERER : Side.MAIN) - 2
  }

  /** Answers with the state of the snapshot. */
  static restore(side: Side, limits: Limits, snapshot: AnswersSnapshot): Answers {
    const answers = new Answers(side, limits)
    answers.#last = snapshot.last
    for (const id of snapshot.open) answers.#open.add(id)
    return answers
  }

  snapshot(): AnswersSnapshot {
    return { last: this.#last, open: this.openIds }
  }

  get size(): number { return this.#open.size }
  /** In the order in which they were opened. */
  get openIds(): number[] { return [...this.#open] }

  /**
   * The peer opened a call.
   *
   * @throws ProtocolError 4400 if the id has the wrong parity or is not larger than all earlier ones; 4413 if
   *   `openCalls` are waiting already
   */
  begin(id: number): void {
    if (id <= this.#last || (id - this.#last) % 2 !== 0) {
      fail(`the id of a call is beyond ${this.#last} and of the same parity, not ${id}`)
    }
    refuseLarger('open calls', this.size + 1, this.#limits.openCalls)
    this.#last = id
    this.#open.add(id)
  }

  /** @returns true exactly once for each call; only then the answer is sent */
  finish(id: number): boolean {
    return this.#open.delete(id)
  }
}

/** The ids in the order in which they were opened. */
interface CallsSnapshot<T> {
  readonly next: number
  readonly records: readonly (readonly [number, T])[]
}

interface AnswersSnapshot {
  readonly last: number
  readonly open: readonly number[]
}
