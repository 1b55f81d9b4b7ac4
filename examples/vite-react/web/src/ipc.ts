/** `ipcRenderer` for React components: calls and pushes with the types of channels.ts, and the connection state. */
import { useEffect, useEffectEvent, useSyncExternalStore } from 'react'
import { ipcRenderer, ResetError, type ConnectionState, type IpcRendererEvent } from 'webipc'
import type { Calls, Pushes } from './channels'

export async function invoke<Name extends keyof Calls>(
  channel: Name, ...args: Parameters<Calls[Name]>
): Promise<ReturnType<Calls[Name]>> {
  try {
    return await ipcRenderer.invoke(channel, ...args) as ReturnType<Calls[Name]>
  } catch (error) {
    // The server restarted before the call was sent: it has not run and can be repeated.
    if (error instanceof ResetError && error.code === 'not-sent') return invoke(channel, ...args)
    throw error
  }
}

/** Calls the listener of the latest render while the component is mounted. After StrictMode or a hot update it is still one listener. */
export function useIpc<Name extends keyof Pushes>(channel: Name, listener: (...args: Pushes[Name]) => void): void {
  const latest = useEffectEvent(listener)
  useEffect(() => {
    const heard = (_: IpcRendererEvent, ...args: Pushes[Name]): void => { latest(...args) }
    ipcRenderer.on(channel, heard)
    return () => { ipcRenderer.off(channel, heard) }
  }, [channel])
}

const { connection } = ipcRenderer

function subscribe(changed: () => void): () => void {
  connection.on('state', changed)
  return () => { connection.off('state', changed) }
}

export function useConnection(): ConnectionState {
  return useSyncExternalStore(subscribe, () => connection.state, () => 'connecting')
}
