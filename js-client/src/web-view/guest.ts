/**
 * The guest of a `<web-view>`, as its host sees it: the documents that have given the host a port, and what waits until
 * the first of them is there (PROTOCOL.md 11).
 *
 * Whoever admits a document has checked where it comes from; from then on its port is proof enough. Knows no element.
 * Twin: host.ts
 */
import { BufferFullError, DestroyedError, refuseMore } from '../core/errors.js'
import { DEFAULT_LIMITS } from '../core/limits.js'
import type { Announcement, ChannelMessage, GuestMessage } from './messages.js'

/** As in Electron, two numbers that name one document: the guest, and the document among all of this page's guests. */
export type FrameId = [processId: number, frameId: number]

/** What a guest tells the element that shows it. */
export interface GuestEvents {
  message: (message: ChannelMessage, frameId: FrameId) => void
  /** The main document's web contents is known; once for each main document. */
  ready: () => void
}

interface Frame {
  readonly frameId: FrameId
  readonly token: number
  readonly port: MessagePort
}

interface Waiting {
  readonly message: ChannelMessage
  readonly resolve: () => void
  readonly reject: (reason: Error) => void
}

let guests = 0
let documents = 0

export class Guest {
  readonly #events: GuestEvents
  readonly #processId = ++guests
  readonly #frames = new Map<number, Frame>()
  #main: Frame | undefined
  #webContentsId: number | undefined
  #url: string | undefined
  #waiting: Waiting[] = []
  #ended = false

  constructor(events: GuestEvents) {
    this.#events = events
  }

  /** The server's number for the main document, once that has told it. */
  get webContentsId(): number | undefined { return this.#webContentsId }
  /** The address of the main document when it announced itself. */
  get url(): string | undefined { return this.#url }

  /** Takes a document's port, unless the same document has given one before. */
  admit({ token, url, origins }: Announcement, port: MessagePort): void {
    if (Array.from(this.#frames.values()).some((frame) => frame.token === token)) {
      port.close()
      return
    }
    const frame: Frame = { frameId: [this.#processId, ++documents], token, port }
    // Nothing came between it and the host, so it is the main document, and the one before has taken its frames along.
    // Their ports stay open: what they said at the end may be on its way.
    if (origins.length === 0) this.#begin(frame, url)
    this.#frames.set(frame.frameId[1], frame)
    port.onmessage = ({ data }) => { this.#hear(frame, data) }
    port.postMessage({})
    if (frame === this.#main) this.#sendWaiting(port)
  }

  /** Sends to the main document: now, or when it is there. */
  async post(message: ChannelMessage): Promise<void> {
    if (this.#main) {
      this.#main.port.postMessage(message)
      return
    }
    refuseMore('kept_messages', this.#waiting.length + 1, DEFAULT_LIMITS.keptMessages, BufferFullError)
    await new Promise<void>((resolve, reject) => { this.#waiting.push({ message, resolve, reject }) })
  }

  /** Sends to a document that has said something; to one that is gone, or another guest's, it sends nothing. */
  postTo([processId, frameId]: Readonly<FrameId>, message: ChannelMessage): void {
    if (processId === this.#processId) this.#frames.get(frameId)?.port.postMessage(message)
  }

  /** Gives up what waits, and hears nothing any more. The ports end with their documents. */
  end(): void {
    this.#ended = true
    for (const { reject } of this.#waiting) reject(new DestroyedError('The web-view was removed before its guest came'))
  }

  #begin(frame: Frame, url: string): void {
    this.#main = frame
    this.#url = url
    this.#webContentsId = undefined
    this.#frames.clear()
  }

  #sendWaiting(port: MessagePort): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { message, resolve } of waiting) {
      port.postMessage(message)
      resolve()
    }
  }

  #hear(frame: Frame, data: unknown): void {
    if (this.#ended) return
    const { channel, args, webContentsId, gone } = Object(data) as GuestMessage
    if (typeof channel === 'string' && Array.isArray(args)) {
      const [processId, frameId] = frame.frameId
      this.#events.message({ channel, args }, [processId, frameId])
    }
    if (gone) this.#forget(frame)
    if (frame === this.#main && typeof webContentsId === 'number') this.#identify(webContentsId)
  }

  #forget(frame: Frame): void {
    this.#frames.delete(frame.frameId[1])
    if (frame !== this.#main) return
    this.#main = undefined
    this.#webContentsId = undefined
  }

  #identify(webContentsId: number): void {
    const isFirst = this.#webContentsId === undefined
    this.#webContentsId = webContentsId
    if (isFirst) this.#events.ready()
  }
}
