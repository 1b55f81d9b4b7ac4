/** Posts tasks through a MessageChannel, because browsers throttle timers in hidden tabs. */
export class TaskChannel {
  readonly #channel = new MessageChannel()

  constructor(run: () => void) {
    this.#channel.port1.onmessage = run
  }

  /** Posts one task. */
  post(): void {
    this.#channel.port2.postMessage(null)
  }

  /** Cancels the tasks that were posted. */
  close(): void {
    this.#channel.port1.close()
  }
}
