/** Reports an error of the application as the browser reports an uncaught error. The caller continues. */
export function report(error: unknown): void {
  if (typeof reportError === 'function') reportError(error)
  else setTimeout(() => { throw error })
}
