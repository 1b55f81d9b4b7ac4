/**
 * Which document embeds this one: the nearest above it that has loaded the client and is of the same origin. Only
 * such documents see each other, and so only they can tell the server that they are one tab. Asks the browser alone.
 */

/** The part of what client.ts leaves in a document that another document may read. */
interface Loaded {
  readonly ipcRenderer: { readonly connection: { readonly linkId: string } }
}

/** @returns the id of the link of the embedding document; undefined in a top document, a worker, or where none tells */
export function parentLink(): string | undefined {
  try {
    for (let inner: Window = window; inner !== inner.parent;) {
      inner = inner.parent
      const loaded = (inner as unknown as Record<symbol, Loaded | undefined>)[Symbol.for('webipc')]
      if (loaded) return loaded.ipcRenderer.connection.linkId
    }
  } catch {
    // A worker has no window; and a document of another origin does not let itself be looked at.
  }
  return undefined
}
