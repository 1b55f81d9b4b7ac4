/**
 * `<web-view src>`: shows another page, its guest, and exchanges messages with it as Electron's `<webview>` does. The
 * page that uses it need not load the client; its guests do.
 *
 * It is an iframe in a shadow tree, so that scripts do not find it among the page's frames. It admits a document if its
 * frame is this element's and all origins on the way are allowed. guest.ts handles the messages.
 */
import { createElement, ofDocument } from '../page/own-document.js'
import type { IpcMessageEvent } from '../types/electron.js'
import { Guest, type FrameId } from './guest.js'
import { channelMessage, type Announcement, type ChannelMessage } from './messages.js'

export type { IpcMessageEvent } from '../types/electron.js'
export type { FrameId } from './guest.js'

/** The attributes that are copied to the iframe. */
const REFLECTED = ['src', 'name', 'allow', 'sandbox', 'referrerpolicy']

const NOT_READY =
  'The WebView must be attached to the DOM and the dom-ready event emitted before this method can be called.'

/** The layout of Electron's element: inline, filled by the guest. */
const STYLE = ':host { display: inline-flex } iframe { flex: 1 1 auto; width: 100%; border: 0 }'

interface WebViewEvents {
  'ipc-message': IpcMessageEvent
  /** The guest's client is connected, so `getWebContentsId` returns; once for each document. */
  'dom-ready': Event
  /** The guest's document and its resources are loaded, with or without a client. */
  'did-finish-load': Event
}

interface TypedEvents {
  addEventListener<Name extends keyof WebViewEvents>(
    name: Name, listener: (event: WebViewEvents[Name]) => unknown, options?: boolean | AddEventListenerOptions,
  ): void
}

// TypedEvents first: otherwise HTMLElement's overload for any name would match.
type ElementClass = new () => TypedEvents & HTMLElement

// Without a document (server side rendering) the module loads and defines nothing.
const Base = (globalThis as { HTMLElement?: unknown }).HTMLElement as ElementClass | undefined
  ?? Object as unknown as ElementClass

/**
 * Attributes: `src`, any address but `javascript:`, which would run in the page around it; `name`, `allow`, `sandbox`,
 * `referrerpolicy` as on an iframe; `allow-origins`, the origins besides that of `src` whose documents may send
 * messages, separated by spaces.
 */
export class WebView extends Base {
  static readonly observedAttributes = REFLECTED

  readonly #iframe = createElement('iframe')
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
   * Sends to the guest's main document, whose `ipcRenderer` emits on the channel. Waits until the guest is loaded, and
   * resolves when the message is posted.
   *
   * Rejects with Electron's TypeError if the channel is not a string, Electron's text about the DOM if the element is
   * in no document, CloneError and LimitError as `ipcRenderer.send`, BufferFullError if too much waits, and
   * DestroyedError if the element is removed while it waits.
   */
  async send(channel: string, ...args: unknown[]): Promise<void> {
    await this.#attached().post(checked(channel, args))
  }

  /** As `send`, to the document that has sent an `ipc-message`. Does nothing if that document is gone. */
  async sendToFrame(frameId: Readonly<FrameId>, channel: string, ...args: unknown[]): Promise<void> {
    const guest = this.#attached()
    if (!isFrameId(frameId)) {
      throw new Error('Missing required frame argument (must be number or [processId, frameId])')
    }
    guest.postTo(frameId, checked(channel, args))
    return Promise.resolve()
  }

  /** The server's id of the guest's tab. Throws with Electron's text until `dom-ready`. */
  getWebContentsId(): number {
    const { webContentsId } = this.#attached()
    if (webContentsId === undefined) throw new Error(NOT_READY)
    return webContentsId
  }

  /** The guest's address; for a guest of another origin, its address at load. */
  getURL(): string {
    const { url } = this.#attached()
    return this.#iframe.contentDocument?.location.href ?? url ?? this.#iframe.src
  }

  /** Reloads the guest's page; a guest of another origin without its fragment. */
  reload(): void {
    const address = this.getURL()
    const { contentDocument } = this.#iframe
    if (contentDocument) contentDocument.location.reload()
    else this.attributeChangedCallback('src', null, address.replace(/#.*/, ''))
  }

  attributeChangedCallback(name: string, _old: string | null, value: string | null): void {
    const refused = name === 'src' && value !== null && isCode(value)
    if (refused) console.warn('webipc: a <web-view> does not run javascript: addresses')
    if (refused || value === null) this.#iframe.removeAttribute(name)
    else this.#iframe.setAttribute(name, value)
  }

  connectedCallback(): void {
    this.#guest = new Guest({
      message: ({ channel, args }, frameId) => {
        this.dispatchEvent(Object.assign(new Event('ipc-message'), { channel, args, frameId }))
      },
      ready: () => { this.dispatchEvent(new Event('dom-ready')) },
    })
    addEventListener('message', this.#receive)
    // Last, so that no message of the guest arrives earlier, and with all its attributes.
    this.shadowRoot?.append(this.#iframe)
  }

  disconnectedCallback(): void {
    removeEventListener('message', this.#receive)
    this.#iframe.remove()
    this.#guest?.end()
    this.#guest = undefined
  }

  readonly #receive = ({ data, source, origin, ports: [port] }: MessageEvent): void => {
    if (source !== this.#iframe.contentWindow || !port || !isAnnouncement(data)) return
    const origins = [...data.origins, origin]
    const refused = origins.find((each) => !this.#origins().includes(each))
    if (refused === undefined) this.#guest?.admit(data, port)
    else console.warn(`webipc: a <web-view> ignores messages of ${refused}; add it to allow-origins`)
  }

  #origins(): string[] {
    const listed = this.getAttribute('allow-origins')?.split(/\s+/) ?? []
    return [new URL(this.#iframe.src, ofDocument('baseURI')).origin, ...listed]
  }

  #attached(): Guest {
    if (!this.#guest) throw new Error(NOT_READY)
    return this.#guest
  }
}

/** Whether an address is code, which an iframe would run with the rights of the page around it. */
function isCode(address: string): boolean {
  const base = ofDocument('baseURI')
  return URL.canParse(address, base) && new URL(address, base).protocol === 'javascript:'
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

// A second copy of this script finds the element already defined.
if (typeof customElements === 'object' && !customElements.get('web-view')) customElements.define('web-view', WebView)
