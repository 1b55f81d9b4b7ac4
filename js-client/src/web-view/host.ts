/**
 * The guest's side of a `<web-view>`: `ipcRenderer.sendToHost`, and messages of the host (PROTOCOL.md 11).
 *
 * Each framed document announces itself to its parent window with a port. A window that is framed itself forwards the
 * announcement, so the host has a direct port to every document. Origins are checked on the way of the port: here
 * before it is sent, in the host when it is received. The server is not involved. Twin: guest.ts
 */
import { listen } from '../page/listeners.js'
import { headMeta, ofDocument } from '../page/own-document.js'
import type { IpcRenderer } from '../types/electron.js'
import type { Announcement, ChannelMessage, GuestMessage } from './messages.js'

/** How many messages are kept until the host answers; perhaps there is none. */
const KEPT = 1_000

/** The host of this document; undefined if it can have none. */
let host: Host | undefined

/** Looks for the host of this document: once, as early as possible. */
export function followHost(ipcRenderer: IpcRenderer): void {
  if (typeof window === 'undefined' || window.parent === window) return
  const origin = hostOrigin()
  if (origin !== undefined) host = new Host(ipcRenderer, origin)
}

/** Sends a message to the host of this document, if it has one. */
export function postToHost(message: ChannelMessage): void {
  host?.post(message)
}

/** The origin of the parent window, if it is this document's own or one that the page lists. */
function hostOrigin(): string | undefined {
  const { ancestorOrigins } = location as { ancestorOrigins?: DOMStringList }
  const around = ancestorOrigins?.[0] ?? (ofDocument('referrer') as string).split('/', 3).join('/')
  const listed = headMeta('webipc-hosts')?.split(/\s+/) ?? []
  // An opaque origin can be neither listed nor addressed.
  return around !== 'null' && [self.origin, ...listed].includes(around) ? around : undefined
}

class Host {
  readonly #ipcRenderer: IpcRenderer
  readonly #origin: string
  readonly #token = Math.random()
  /** One; several if the document was asked to announce itself again before an answer. */
  #ports: MessagePort[] = []
  /** Messages until the host answers, for the next port: the one before may have reached no host. */
  #kept: GuestMessage[] | undefined = []

  constructor(ipcRenderer: IpcRenderer, origin: string) {
    this.#ipcRenderer = ipcRenderer
    this.#origin = origin
    listen('message', (event) => { this.#receiveFromWindow(event) })
    listen('pagehide', ({ persisted }) => { if (!persisted) this.post({ gone: true }) })
    ipcRenderer.connection.on('state', ({ state }) => {
      const { webContentsId } = ipcRenderer.connection
      if (state === 'open' && webContentsId !== undefined) this.post({ webContentsId })
    })
    this.#announce()
    // Frames that loaded before this script have announced themselves in vain, so they are asked to repeat it. The
    // message holds nothing else, so any origin may receive it.
    for (const frame of Array.from(window)) frame.postMessage({ webipc: 'call' }, '*')
  }

  post(message: GuestMessage): void {
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
      port1.onmessage = ({ data }) => { this.#receive(port1, data as Partial<ChannelMessage>) }
    })
  }

  /** A message between windows, of any origin. */
  #receiveFromWindow({ data, source, origin, ports }: MessageEvent): void {
    const { webipc, origins } = Object(data) as { webipc?: unknown, origins?: readonly string[] }
    if (source === parent) {
      if (webipc === 'call' && this.#kept) this.#announce()
    } else if (webipc === 'guest' && Array.from(window).includes(source as Window)) {
      // Each window adds the origin that the browser reports for its child, so none can forge an origin. The frame of a
      // <web-view> is not in this window's list, because it is in a shadow tree.
      parent.postMessage({ ...data as object, origins: [...origins ?? [], origin] }, this.#origin, [...ports])
    }
  }

  /** A message of the host. The first one, which may be empty, confirms this port. */
  #receive(port: MessagePort, { channel, args }: Partial<ChannelMessage>): void {
    this.#ports = [port]
    this.#kept = undefined
    if (channel !== undefined) this.#ipcRenderer.emit(channel, { sender: this.#ipcRenderer, ports: [] }, ...args ?? [])
  }
}

/** Waits for the page's scripts, so that its listeners are registered; until then the port queues messages. */
function whenParsed(callback: () => void): void {
  if (ofDocument('readyState') === 'complete') callback()
  else for (const name of ['DOMContentLoaded', 'load']) addEventListener(name, callback, { once: true })
}
