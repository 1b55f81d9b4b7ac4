/**
 * What a document remembers of its tab: the token of its web contents, which a reload finds and a duplicated tab does
 * not. So it lies in sessionStorage only between two documents: taken at load, put back when the document goes away.
 *
 * A frame within a page leaves the storage alone, because it is not the tab's document. Storage that is refused
 * (private windows, sandboxed frames) or absent means a tab that the server does not recognise, nothing worse.
 */

type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

export class Tab {
  readonly #key: string
  readonly #store: () => Store | undefined
  /** What the next `hello` says; the server gives it in `welcome`. */
  token: string | undefined

  /**
   * @param address - of the server: another server knows nothing of this one's tokens
   * @param store - gives the storage, and may throw
   */
  constructor(address: string, store: () => Store | undefined = topSessionStorage) {
    this.#key = `webipc:${address}`
    this.#store = store
  }

  /** Takes the token out of the storage. What was known before stays when there is none. */
  take(): void {
    try {
      const store = this.#store()
      this.token = store?.getItem(this.#key) ?? this.token
      store?.removeItem(this.#key)
    } catch {
      // The browser refuses the storage: the tab goes without.
    }
  }

  /** Leaves the token for the tab's next document. */
  put(): void {
    try {
      if (this.token) this.#store()?.setItem(this.#key, this.token)
    } catch {
      // As above.
    }
  }
}

function topSessionStorage(): Store | undefined {
  return window.top === window ? sessionStorage : undefined
}
