/**
 * A queue of jobs, dispatched in order. Promise callbacks of one job run before the next job, as in Electron.
 *
 * A job that runs the page's listeners has a task of its own. Jobs that only settle promises share one task, because
 * a thousand results would otherwise cost a thousand tasks. The first task is the one that pushed the jobs.
 * Twin: server/webipc/concurrency/job_queue.py
 */

import type { EventHold } from './event-hold.js'
import { TaskChannel } from './task-channel.js'

/** How many dispatched jobs may stay in the array before they are removed. */
const SPENT = 1_024

export class JobQueue<Job> {
  readonly #dispatch: (job: Job) => void
  readonly #endsTask: (job: Job) => boolean
  readonly #hold: EventHold
  #jobs: Job[] = []
  /** Index of the next job to dispatch. */
  #next = 0
  /**
   * A dispatch is running, or a task is posted that continues. Jobs may be pushed in the middle of a dispatch: some
   * browsers do that while a page blocks.
   */
  #busy = false
  #channel: TaskChannel | undefined

  /**
   * @param endsTask - true for a job that runs the page's listeners
   * @param hold - holds back a task that starts while the page is blocked
   */
  constructor(dispatch: (job: Job) => void, endsTask: (job: Job) => boolean, hold: EventHold) {
    this.#dispatch = dispatch
    this.#endsTask = endsTask
    this.#hold = hold
  }

  /** Adds jobs and dispatches those that may run in this task. Call it at the end of a task. */
  push(jobs: readonly Job[]): void {
    for (const job of jobs) this.#jobs.push(job)
    if (!this.#busy) this.#turn()
  }

  /** Drops the jobs that were not dispatched. */
  clear(): void {
    this.#jobs = []
    this.#next = 0
  }

  /** Drops all jobs. A later `push` starts again. */
  stop(): void {
    this.clear()
    this.#channel?.close()
    this.#channel = undefined
    this.#busy = false
  }

  /** Runs one task of the queue. */
  #turn(): void {
    this.#busy = true
    try {
      this.#dispatchSome()
    } finally {
      this.#busy = this.#next < this.#jobs.length
      if (this.#busy) this.#goOnLater()
      else this.clear()
    }
  }

  #dispatchSome(): void {
    let first = true
    for (let job = this.#jobs[this.#next]; job !== undefined; job = this.#jobs[this.#next]) {
      const ends = this.#endsTask(job)
      // The promise callbacks of earlier results run first.
      if (ends && !first) return
      this.#next += 1
      this.#dispatch(job)
      if (ends) return
      first = false
    }
  }

  #goOnLater(): void {
    if (this.#next >= SPENT && this.#next * 2 >= this.#jobs.length) {
      // Moves each waiting job at most once per dispatched job, so the cost stays linear.
      this.#jobs.splice(0, this.#next)
      this.#next = 0
    }
    this.#channel ??= new TaskChannel(() => {
      this.#hold.run(() => { this.#turn() })
    })
    this.#channel.post()
  }
}
