/**
 * Holds back events while a page is blocked in `sendSync`. One engine dispatches events and port messages in the middle
 * of a blocking request, and the page's listeners must not run there.
 */
import { report } from './report-error.js'
import { TaskChannel } from './task-channel.js'

export class EventHold {
  #held: (() => void)[] = []
  /** How many calls block. More than one if a port of the page ran in the middle of a call, and blocked as well. */
  #blocking = 0

  /** Whether the page is blocked at this moment. */
  get blocks(): boolean { return this.#blocking > 0 }

  /** Runs an action now, or holds it back behind the actions that are already held. */
  run(action: () => void): void {
    if (this.#blocking > 0 || this.#held.length > 0) this.#held.push(action)
    else action()
  }

  /** Runs an action that blocks the page. Actions held meanwhile run later, in order, each in a task of its own. */
  block<Result>(blocking: () => Result): Result {
    this.#blocking += 1
    try {
      return blocking()
    } finally {
      this.#blocking -= 1
      this.#releaseLater()
    }
  }

  /** A task for each action, so that promise callbacks of one run before the next. */
  #releaseLater(): void {
    if (this.#held.length === 0) return
    const channel = new TaskChannel(() => {
      channel.close()
      // This task may run in the middle of a call, whose end posts another.
      if (this.#blocking > 0) return
      try {
        this.#held.shift()?.()
      } catch (error) {
        report(error)
      }
      this.#releaseLater()
    })
    channel.post()
  }
}
