/**
 * `<web-view src>`: shows another page, its guest, and talks with it as Electron's `<webview>` does. For a page that
 * embeds others; it need not load the client itself, its guests do.
 *
 * An iframe in a shadow tree, so that no script takes it for a frame of the page. Decides who is a guest: the frame
 * that speaks must be this element's, and of an origin that the element allows. What a guest says is guest.ts.
 */
import type { IpcMessageEvent } from '../types/electron.js'
import { Guest, type FrameId } from './guest.js'
import { channelMessage, type Announcement, type ChannelMessage } from './messages.js'

export type { IpcMessageEvent } from '../types/electron.js'
export type { FrameId } from './guest.js'

/** What the iframe has from the element. */
const REFLECTED = ['src', 'name', 'allow', 'sandbox', 'referrerpolicy']

const NOT_READY =
  'The WebView must be attached to the DOM and the dom-ready event emitted before this method can be called.'

/** As Electron's element: a line of its own height, filled by the guest. */
const STYLE = ':host { display: inline-flex } iframe { flex: 1 1 auto; width: 100%; border: 0 }'

interface WebViewEvents {
  'ipc-message': IpcMessageEvent
  /** The guest's client runs and is connected, so `getWebContentsId` answers; once for each document. */
  'dom-ready': Event
  /** The guest's document and what it shows are loaded, with or without a client in it. */
  'did-finish-load': Event
}

interface TypedEvents {
  addEventListener<Name extends keyof WebViewEvents>(
    name: Name, listener: (event: WebViewEvents[Name]) => unknown, options?: boolean | AddEventListenerOptions,
  ): void
}

// The own events first: what HTMLElement says of any name would otherwise be taken for them.
type ElementClass = new () => TypedEvents & HTMLElement

// Where there is no document (server side rendering) the module loads, and defines nothing.
const Base = (globalThis as { HTMLElement?: unknown }).HTMLElement as ElementClass | undefined
  ?? Object as unknown as ElementClass

/**
 * Attributes: `src`; `name`, `allow`, `sandbox`, `referrerpolicy` as an iframe has them; `allow-origins`, further
 * origins whose documents may speak, beside the one of `src`, with spaces between them.
 */
export class WebView extends Base {
  static readonly observedAttributes = REFLECTED

  readonly #iframe = document.createElement('iframe')
  /** While the element is in a document. */
  #guest: Guest | undefined

  constructor() {
    super()
    const style = new CSSStyleSheet()
    style.replaceSync(STYLE)
    // Not a <style>: a strict Content-Security-Policy forbids it.
    this.attachShadow({ mode: 'open' }).adoptedStyleSheets = [style]
    this.#iframe.addEventListener('load', () => { this.dispatchEvent(new Event('did-finish-load')) })
  }

  get src(): string { return this.getAttribute('src') ?? '' }
  set src(address: string) { this.setAttribute('src', address) }

  /**
   * Sends to the guest's main document, whose `ipcRenderer` emits on the channel. Waits for a guest that is not there
   * yet, and resolves when the message has left.
   *
   * Rejects with Electron's TypeError when the channel is not a string, its text about the DOM when the element is in
   * no document, CloneError and LimitError as `ipcRenderer.send`, BufferFullError when too much waits, and
   * DestroyedError when the element is removed while it waits.
   */
  async send(channel: string, ...args: unknown[]): Promise<void> {
    await this.#attached().post(checked(channel, args))
  }

  /** As `send`, to the document that an `ipc-message` came from. One that is gone gets nothing; that is no error. */
  async sendToFrame(frameId: Readonly<FrameId>, channel: string, ...args: unknown[]): Promise<void> {
    const guest = this.#attached()
    if (!isFrameId(frameId)) {
      throw new Error('Missing required frame argument (must be number or [processId, frameId])')
    }
    guest.postTo(frameId, checked(channel, args))
    return Promise.resolve()
  }

  /** The server's number for the guest's tab. Throws Electron's text until the guest has told it, at `dom-ready`. */
  getWebContentsId(): number {
    const { webContentsId } = this.#attached()
    if (webContentsId === undefined) throw new Error(NOT_READY)
    return webContentsId
  }

  /** The guest's address; of a guest at another origin the one that it had when it was loaded. */
  getURL(): string {
    const { url } = this.#attached()
    return this.#iframe.contentDocument?.URL ?? url ?? this.#iframe.src
  }

  /** Loads the guest's page again, without its fragment where the guest is of another origin. */
  reload(): void {
    const address = this.getURL()
    const { contentDocument } = this.#iframe
    if (contentDocument) contentDocument.location.reload()
    else this.#iframe.src = address.replace(/#.*/, '')
  }

  attributeChangedCallback(name: string, _old: string | null, value: string | null): void {
    if (value === null) this.#iframe.removeAttribute(name)
    else this.#iframe.setAttribute(name, value)
  }

  connectedCallback(): void {
    this.#guest = new Guest({
      message: ({ channel, args }, frameId) => {
        this.dispatchEvent(Object.assign(new Event('ipc-message'), { channel, args, frameId }))
      },
      ready: () => { this.dispatchEvent(new Event('dom-ready')) },
    })
    addEventListener('message', this.#hear)
    // Only now, so that nothing of the guest can come earlier; and with all its attributes.
    this.shadowRoot?.append(this.#iframe)
  }

  disconnectedCallback(): void {
    removeEventListener('message', this.#hear)
    this.#iframe.remove()
    this.#guest?.end()
    this.#guest = undefined
  }

  readonly #hear = ({ data, source, origin, ports: [port] }: MessageEvent): void => {
    if (source !== this.#iframe.contentWindow || !port || !isAnnouncement(data)) return
    const origins = [...data.origins, origin]
    const refused = origins.find((each) => !this.#origins().includes(each))
    if (refused === undefined) this.#guest?.admit(data, port)
    else console.warn(`webipc: a <web-view> does not listen to ${refused}; name it in allow-origins`)
  }

  #origins(): string[] {
    const listed = this.getAttribute('allow-origins')?.split(/\s+/) ?? []
    return [new URL(this.#iframe.src, document.baseURI).origin, ...listed]
  }

  #attached(): Guest {
    if (!this.#guest) throw new Error(NOT_READY)
    return this.#guest
  }
}

function checked(channel: unknown, args: unknown[]): ChannelMessage {
  if (typeof channel !== 'string') throw new TypeError('Missing required channel argument')
  return channelMessage(channel, args)
}

function isFrameId(value: unknown): value is FrameId {
  return Array.isArray(value) && value.length === 2 && value.every((number) => typeof number === 'number')
}

function isAnnouncement(data: unknown): data is Announcement {
  const { webipc, token, url, origins } = Object(data) as Record<keyof Announcement, unknown>
  return webipc === 'guest' && typeof token === 'number' && typeof url === 'string' && Array.isArray(origins)
}

declare global {
  interface HTMLElementTagNameMap {
    'web-view': WebView
  }
}

// A second copy of this script finds the element defined.
if (typeof customElements === 'object' && !customElements.get('web-view')) customElements.define('web-view', WebView)
