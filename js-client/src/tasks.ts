/** Makes tasks, by a MessageChannel: browsers throttle timers in hidden tabs. Knows nothing of what they do. */
export interface Tasks {
  /** Asks for one task. */
  post(): void
  /** What was asked for does not happen. */
  close(): void
}

export function makeTasks(run: () => void): Tasks {
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = run
  return { post: () => { port2.postMessage(null) }, close: () => { port1.close() } }
}
