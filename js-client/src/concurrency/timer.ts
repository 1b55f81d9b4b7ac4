/** One timer that says whether it is running. Starting it again cancels the earlier start. */
export class Timer {
  #handle: ReturnType<typeof setTimeout> | undefined

  get running(): boolean {
    return this.#handle !== undefined
  }

  /** @param wait - milliseconds until `action` runs, once */
  start(wait: number, action: () => void): void {
    this.stop()
    this.#handle = setTimeout(() => {
      this.#handle = undefined
      action()
    }, wait)
  }

  stop(): void {
    clearTimeout(this.#handle)
    this.#handle = undefined
  }
}
