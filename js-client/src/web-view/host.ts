/**
 * The page that shows this one in a `<web-view>`: `ipcRenderer.sendToHost`, and what the host sends (PROTOCOL.md 11).
 *
 * Each framed document announces itself to the window around it with a port; a window that is framed itself hands the
 * announcement up, so the host gets a port of every document and no message takes a detour. Origins are looked at
 * where the port goes: here before it leaves, in the host when it comes. Nothing of this passes through the server.
 * Twin: guest.ts
 */
import type { IpcRenderer } from '../types/electron.js'
import { channelMessage, type Announcement, type ChannelMessage, type GuestMessage } from './messages.js'

/** How many messages are kept for a host that has not answered: perhaps there is none. */
const KEPT = 1_000

/** Of this document; undefined while, or because, nobody can be its host. */
let host: Host | undefined

/** Looks for the host of this document: once, as early as possible. */
export function followHost(ipcRenderer: IpcRenderer): void {
  if (typeof window === 'undefined' || window.parent === window) return
  const origin = hostOrigin()
  if (origin !== undefined) host = new Host(ipcRenderer, origin)
}

/** `ipcRenderer.sendToHost`; what it throws, electron-types.ts says. */
export function sendToHost(channel: string, args: unknown[]): void {
  const message = channelMessage(channel, args)
  host?.tell(message)
}

/** The origin of the window around, if it is this document's own or one that the page lists. */
function hostOrigin(): string | undefined {
  const { ancestorOrigins } = location as { ancestorOrigins?: DOMStringList }
  const around = ancestorOrigins?.[0] ?? document.referrer.split('/', 3).join('/')
  const listed = document.querySelector<HTMLMetaElement>('meta[name=webipc-hosts]')?.content.split(/\s+/) ?? []
  // An opaque origin is nobody's: it can neither be listed nor be sent to.
  return around !== 'null' && [self.origin, ...listed].includes(around) ? around : undefined
}

class Host {
  readonly #ipcRenderer: IpcRenderer
  readonly #origin: string
  readonly #token = Math.random()
  /** One; more where the document was asked to announce itself again before anybody had answered. */
  #ports: MessagePort[] = []
  /** What was said until the host answers, for the next port: nobody may have been there to take the one before. */
  #kept: GuestMessage[] | undefined = []

  constructor(ipcRenderer: IpcRenderer, origin: string) {
    this.#ipcRenderer = ipcRenderer
    this.#origin = origin
    addEventListener('message', (event) => { this.#hear(event) })
    addEventListener('pagehide', ({ persisted }) => { if (!persisted) this.tell({ gone: true }) })
    ipcRenderer.connection.on('state', ({ state }) => {
      const { webContentsId } = ipcRenderer.connection
      if (state === 'open' && webContentsId !== undefined) this.tell({ webContentsId })
    })
    this.#announce()
    // Frames that were there before this script: what they have announced, nobody has heard. It says nothing else, so
    // it may be for any origin.
    for (const frame of Array.from(window)) frame.postMessage({ webipc: 'call' }, '*')
  }

  tell(message: GuestMessage): void {
    if (this.#kept && this.#kept.length < KEPT) this.#kept.push(message)
    for (const port of this.#ports) port.postMessage(message)
  }

  #announce(): void {
    const { port1, port2 } = new MessageChannel()
    this.#ports.push(port1)
    for (const message of this.#kept ?? []) port1.postMessage(message)
    const announcement: Announcement = { webipc: 'guest', token: this.#token, url: location.href, origins: [] }
    parent.postMessage(announcement, this.#origin, [port2])
    whenParsed(() => {
      port1.onmessage = ({ data }) => { this.#take(port1, data as Partial<ChannelMessage>) }
    })
  }

  /** A message between windows, from anybody. */
  #hear({ data, source, origin, ports }: MessageEvent): void {
    const { webipc, origins } = Object(data) as { webipc?: unknown, origins?: readonly string[] }
    if (source === parent) {
      if (webipc === 'call' && this.#kept) this.#announce()
    } else if (webipc === 'guest' && Array.from(window).includes(source as Window)) {
      // Each window says of the one below what the browser says of it, so that none can claim another's origin. The
      // frame of a <web-view> is not in the list, as it lies in a shadow tree.
      parent.postMessage({ ...data as object, origins: [...origins ?? [], origin] }, this.#origin, [...ports])
    }
  }

  /** A message of the host; its first one, which may be empty, says that it has taken this port. */
  #take(port: MessagePort, { channel, args }: Partial<ChannelMessage>): void {
    this.#ports = [port]
    this.#kept = undefined
    if (channel !== undefined) this.#ipcRenderer.emit(channel, { sender: this.#ipcRenderer, ports: [] }, ...args ?? [])
  }
}

/** The page's scripts have run, so its listeners are there; until then the port keeps what comes. */
function whenParsed(then: () => void): void {
  if (document.readyState === 'complete') then()
  else for (const name of ['DOMContentLoaded', 'load']) addEventListener(name, then, { once: true })
}
