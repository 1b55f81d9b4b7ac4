/**
 * The token of the tab's web contents, which survives a reload but not the duplication of a tab. So it is in
 * sessionStorage only between two documents: taken out at load, put back when the document unloads.
 *
 * An embedded frame does not use the storage, because it is not the tab's main document. Where storage is refused
 * (private windows, sandboxed frames) or absent, the server does not recognise the tab; nothing else fails.
 */
import { CHANNEL } from './prerendering.js'

type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

export class Tab {
  readonly #key: string
  readonly #store: () => Store | undefined
  /** Sent in the next `hello`. The server assigns it in `welcome`. */
  token: string | undefined

  /**
   * @param address - of the server; each server has its own token
   * @param store - returns the storage, or throws
   */
  constructor(address: string, store: () => Store | undefined = topSessionStorage) {
    this.#key = `webipc:${address}`
    this.#store = store
  }

  /** Takes the token out of the storage. The known token stays if there is none. */
  take(): void {
    try {
      const store = this.#store()
      this.token = store?.getItem(this.#key) ?? this.token
      store?.removeItem(this.#key)
    } catch {
      // The browser refuses the storage: the tab has no token.
    }
  }

  /** Leaves the token for the tab's next document. */
  put(): void {
    try {
      if (!this.token) return
      this.#store()?.setItem(this.#key, this.token)
      const channel = new BroadcastChannel(CHANNEL)
      channel.postMessage(0)
      channel.close()
    } catch {
      // As above.
    }
  }
}

function topSessionStorage(): Store | undefined {
  return window.top === window ? sessionStorage : undefined
}
