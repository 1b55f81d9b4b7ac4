/**
 * What a page may let its server do with it: run code, load it again, close it (PROTOCOL.md 4.8). A page that does not
 * load this file, or does not allow a thing, does none of it.
 *
 *     import { allow } from '/ipc/commands.js'   // 'webipc/commands' in a bundle
 *     allow('reload', 'close', 'executeJavaScript')
 *
 * A script of its own, because most pages need it not. It finds the client by what that leaves in the document.
 */
import type { IpcRenderer } from './ipc-renderer.js'

/** Electron's names of the methods of `webContents`. */
export type Command = 'executeJavaScript' | 'reload' | 'close'

const COMMANDS: Readonly<Record<Command, (ipcRenderer: IpcRenderer, ...args: unknown[]) => unknown>> = {
  // Indirect, so that the code sees the page's globals and none of our names. A strict policy of the page forbids it.
  executeJavaScript: (_ipcRenderer, code) => (0, eval)(String(code)) as unknown,
  reload: () => { setTimeout(() => { location.reload() }) },
  // Browsers close only what a script has opened. The link ends in any case.
  close: (ipcRenderer) => {
    setTimeout(() => {
      ipcRenderer.connection.close()
      window.close()
    })
  },
}

/**
 * From now on the server may do these things with this document. There is no way back but to load the page again.
 *
 * @throws Error when the client has not been loaded, TypeError for a name that is none of the three
 */
export function allow(...commands: readonly Command[]): void {
  const realm = globalThis as unknown as Record<symbol, { readonly ipcRenderer: IpcRenderer } | undefined>
  const loaded = realm[Symbol.for('webipc')]
  if (!loaded) throw new Error('webipc: load the client before allow() is called')
  const { ipcRenderer } = loaded
  for (const command of commands) {
    // Written in JavaScript by people: a name that is no command would otherwise allow nothing, without a word.
    if (!Object.hasOwn(COMMANDS, command)) {
      throw new TypeError(`expected one of ${Object.keys(COMMANDS).join(', ')}; got ${command as string}`)
    }
    ipcRenderer.connection.answers.set(`webipc:${command}`, (...args) => COMMANDS[command](ipcRenderer, ...args))
  }
}
