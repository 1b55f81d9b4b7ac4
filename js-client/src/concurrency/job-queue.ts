/**
 * A queue of jobs, dispatched in order. Promise callbacks of one job run before the next job, as in Electron.
 *
 * A job that runs the page's listeners has a task of its own. Jobs that only settle promises share one task, because
 * a thousand results would otherwise cost a thousand tasks. The first task is the one that pushed the jobs.
 * Twin: server/webipc/concurrency/job_queue.py
 */

import type { EventHold } from './event-hold.js'
import { TaskChannel } from './task-channel.js'

/** How many jobs may have been dispatched before the front of the array is cut off. */
const SPENT = 1_024

export class JobQueue<Job> {
  readonly #dispatch: (job: Job) => void
  readonly #endsTask: (job: Job) => boolean
  readonly #hold: EventHold
  #jobs: Job[] = []
  /** Index of the first job that was not dispatched. */
  #next = 0
  /** A dispatch is under way, and jobs may come in the middle of it: some browsers do that while a page blocks. */
  #busy = false
  /** A task is on its way that will go on. */
  #posted = false
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

  /** Takes jobs, and dispatches at once what may be: to be called at the end of a task. */
  push(jobs: readonly Job[]): void {
    for (const job of jobs) this.#jobs.push(job)
    if (!this.#busy && !this.#posted) this.#turn()
  }

  /** Forgets what was not dispatched. */
  clear(): void {
    this.#jobs = []
    this.#next = 0
  }

  /** Forgets everything, for good. */
  stop(): void {
    this.clear()
    this.#channel?.close()
  }

  /** The work of one task. */
  #turn(): void {
    this.#busy = true
    try {
      this.#dispatchSome()
    } finally {
      this.#busy = false
      this.#forgetSpent()
      if (this.#jobs.length > 0) this.#post()
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

  #forgetSpent(): void {
    if (this.#next >= this.#jobs.length) {
      this.clear()
    } else if (this.#next >= SPENT && this.#next * 2 >= this.#jobs.length) {
      // Each job is moved once at most for each that was dispatched.
      this.#jobs.splice(0, this.#next)
      this.#next = 0
    }
  }

  #post(): void {
    this.#posted = true
    this.#channel ??= new TaskChannel(() => {
      this.#hold.run(() => {
        this.#posted = false
        this.#turn()
      })
    })
    this.#channel.post()
  }
}
