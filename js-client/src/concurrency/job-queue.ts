/**
 * The queue of what has come and was not dispatched yet: in the order of arrival, with the promise jobs of one message
 * run before the next is looked at, as Electron has it.
 *
 * An item that runs the page's listeners has a task of its own. Items that only settle promises share one task, since
 * a thousand results would otherwise cost a thousand tasks. The first turn runs in the task that brought the items.
 * Knows nothing of what the items are. Twin: server/webipc/inbox.py
 */

import type { Gate } from './event-hold.js'
import { Tasks } from './task-channel.js'

/** How many items may have been dispatched before the front of the array is cut off. */
const SPENT = 1_024

export class Arrivals<Item> {
  readonly #dispatch: (item: Item) => void
  readonly #endsTask: (item: Item) => boolean
  readonly #gate: Gate
  #items: Item[] = []
  /** Index of the first item that was not dispatched. */
  #next = 0
  /** A dispatch is under way, and items may come in the middle of it: some browsers do that while a page blocks. */
  #busy = false
  /** A task is on its way that will go on. */
  #posted = false
  #tasks: Tasks | undefined

  /**
   * @param endsTask - true for an item that runs the page's listeners
   * @param gate - keeps a task that comes while the page is blocked
   */
  constructor(dispatch: (item: Item) => void, endsTask: (item: Item) => boolean, gate: Gate) {
    this.#dispatch = dispatch
    this.#endsTask = endsTask
    this.#gate = gate
  }

  /** Takes items, and dispatches at once what may be: to be called at the end of a task. */
  push(items: readonly Item[]): void {
    for (const item of items) this.#items.push(item)
    if (!this.#busy && !this.#posted) this.#turn()
  }

  /** Forgets what was not dispatched. */
  clear(): void {
    this.#items = []
    this.#next = 0
  }

  /** Forgets everything, for good. */
  stop(): void {
    this.clear()
    this.#tasks?.close()
  }

  /** The work of one task. */
  #turn(): void {
    this.#busy = true
    try {
      this.#dispatchSome()
    } finally {
      this.#busy = false
      this.#forgetSpent()
      if (this.#items.length > 0) this.#post()
    }
  }

  #dispatchSome(): void {
    let first = true
    for (let item = this.#items[this.#next]; item !== undefined; item = this.#items[this.#next]) {
      const ends = this.#endsTask(item)
      // Promise jobs of the results before it come first.
      if (ends && !first) return
      this.#next += 1
      this.#dispatch(item)
      if (ends) return
      first = false
    }
  }

  #forgetSpent(): void {
    if (this.#next >= this.#items.length) {
      this.clear()
    } else if (this.#next >= SPENT && this.#next * 2 >= this.#items.length) {
      // Each item is moved once at most for each that was dispatched.
      this.#items.splice(0, this.#next)
      this.#next = 0
    }
  }

  #post(): void {
    this.#posted = true
    this.#tasks ??= new Tasks(() => {
      this.#gate.pass(() => {
        this.#posted = false
        this.#turn()
      })
    })
    this.#tasks.post()
  }
}
