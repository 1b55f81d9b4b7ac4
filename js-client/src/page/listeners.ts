/**
 * Listeners of the window that stay. `document.open()`, and so `document.write()` in a loaded page, removes every
 * listener of the document and its window, while the page's scripts run on. Then they are added again.
 *
 * At the window, because an element may be named `addEventListener`.
 */

type Listener = Parameters<typeof addEventListener>

const listeners: Listener[] = []

/** `addEventListener` of the window, and again whenever the document has been opened. To be called in a window. */
export function listen<Name extends keyof (WindowEventMap & DocumentEventMap)>(
  name: Name | 'freeze', listener: (event: (WindowEventMap & DocumentEventMap)[Name]) => void, isFirst = false,
): void {
  // An observer of the document's children is not a listener, and sees the new document element.
  if (listeners.length === 0) new MutationObserver(addAll).observe(document, { childList: true })
  listeners.push([name, listener as EventListener, isFirst])
  addAll()
}

/** A listener that is there already is not added twice. */
function addAll(): void {
  for (const each of listeners) addEventListener(...each)
}
