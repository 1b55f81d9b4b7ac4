/**
 * A MessageChannel whose tasks a test runs itself, also in the middle of a blocking call, as one engine does.
 */

/** The tasks that were posted and have not run. */
const tasks: (() => void)[] = []

class ManualChannel {
  readonly port1 = { onmessage: undefined as (() => void) | undefined, close: () => undefined }
  readonly port2 = { postMessage: () => { tasks.push(() => this.port1.onmessage?.()) } }
}

/** Runs a test with such channels instead of the engine's. */
export function withManualTasks(test: () => void): void {
  const engine = globalThis.MessageChannel
  Object.assign(globalThis, { MessageChannel: ManualChannel })
  try {
    test()
  } finally {
    Object.assign(globalThis, { MessageChannel: engine })
    tasks.length = 0
  }
}

/** Runs the oldest task, if there is one. */
export function runTask(): void {
  tasks.shift()?.()
}
