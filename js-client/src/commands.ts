/**
 * Lets the server control the page, if the page opts in: run code, reload it, close it (PROTOCOL.md 4.8). Without this
 * file, or for a command that is not allowed, the page refuses.
 *
 *     import { allow } from '/ipc/commands.js'   // 'webipc/commands' in a bundle
 *     allow('reload', 'close', 'executeJavaScript')
 *
 * A script of its own, because most pages do not need it. It finds the client by the symbol that client.ts sets.
 */
import type { IpcRenderer } from './ipc-renderer.js'

/** Electron's names of the methods of `webContents`. */
export type Command = 'executeJavaScript' | 'reload' | 'close'

const COMMANDS: Readonly<Record<Command, (ipcRenderer: IpcRenderer, ...args: unknown[]) => unknown>> = {
  // Indirect eval, so that the code sees the page's globals only. A strict Content-Security-Policy forbids it.
  executeJavaScript: (_ipcRenderer, code) => (0, eval)(String(code)) as unknown,
  reload: () => { setTimeout(() => { location.reload() }) },
  // Browsers close only windows that a script has opened. The link ends in any case.
  close: (ipcRenderer) => {
    setTimeout(() => {
      ipcRenderer.connection.close()
      window.close()
    })
  },
}

/**
 * Allows the server to run these commands in this document, until the page is reloaded.
 *
 * @throws Error if the client is not loaded, TypeError for a name that is no command
 */
export function allow(...commands: readonly Command[]): void {
  const realm = globalThis as unknown as Record<symbol, { readonly ipcRenderer: IpcRenderer } | undefined>
  const loaded = realm[Symbol.for('webipc')]
  if (!loaded) throw new Error('webipc: load the client before allow() is called')
  const { ipcRenderer } = loaded
  for (const command of commands) {
    // JavaScript callers have no type check: an unknown name would otherwise allow nothing, silently.
    if (!Object.hasOwn(COMMANDS, command)) {
      throw new TypeError(`expected one of ${Object.keys(COMMANDS).join(', ')}; got ${command as string}`)
    }
    ipcRenderer.connection.answers.set(`webipc:${command}`, (...args) => COMMANDS[command](ipcRenderer, ...args))
  }
}
