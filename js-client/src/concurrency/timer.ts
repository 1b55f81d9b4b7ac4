/** One timer that can be asked whether it runs; starting it again forgets the earlier time. Knows no policy. */
export class Timer {
  #handle: ReturnType<typeof setTimeout> | undefined

  get running(): boolean {
    return this.#handle !== undefined
  }

  /** @param wait - milliseconds */
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
