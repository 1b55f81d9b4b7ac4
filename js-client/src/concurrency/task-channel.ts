/** Makes tasks, by a MessageChannel: browsers throttle timers in hidden tabs. Knows nothing of what they do. */
export class Tasks {
  readonly #channel = new MessageChannel()

  constructor(run: () => void) {
    this.#channel.port1.onmessage = run
  }

  /** Asks for one task. */
  post(): void {
    this.#channel.port2.postMessage(null)
  }

  /** What was asked for does not happen. */
  close(): void {
    this.#channel.port1.close()
  }
}
