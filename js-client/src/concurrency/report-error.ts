/** Reports an error of the program's own code as the browser reports any uncaught error, without ending our work. */
export function report(error: unknown): void {
  if (typeof reportError === 'function') reportError(error)
  else setTimeout(() => { throw error })
}
