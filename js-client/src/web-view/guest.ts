/**
 * The guest of a `<web-view>` on the host's side: its documents, which have sent the host a port, and the messages that
 * wait for the first of them (PROTOCOL.md 11). The caller checks the origin of a document before it admits it; messages
 * on its port are trusted. Twin: host.ts
 */
import { BufferFullError, DestroyedError, refuseMore } from '../core/errors.js'
import { DEFAULT_LIMITS } from '../core/limits.js'
import type { Announcement, ChannelMessage, GuestMessage } from './messages.js'

/** As in Electron, two numbers: the guest, and its document among those of all guests of this page. */
export type FrameId = [processId: number, frameId: number]

/** The callbacks of a guest. */
export interface GuestEvents {
  message: (message: ChannelMessage, frameId: FrameId) => void
  /** The web contents id of the main document is known; once for each main document. */
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

  /** The web contents id of the main document, once it has sent it. */
  get webContentsId(): number | undefined { return this.#webContentsId }
  /** The address of the main document when it announced itself. */
  get url(): string | undefined { return this.#url }

  /** Admits a document by its port, unless the same document has sent one before. */
  admit({ token, url, origins }: Announcement, port: MessagePort): void {
    if ([...this.#frames.values()].some((frame) => frame.token === token)) {
      port.close()
      return
    }
    const frame: Frame = { frameId: [this.#processId, ++documents], token, port }
    // No frame has forwarded the announcement, so this is the main document. It replaces the last one and its frames.
    // Their ports stay open, because their last messages may still arrive.
    if (origins.length === 0) this.#begin(frame, url)
    this.#frames.set(frame.frameId[1], frame)
    port.onmessage = ({ data }) => { this.#receive(frame, data) }
    port.postMessage({})
    if (frame === this.#main) this.#sendWaiting(port)
  }

  /** Sends to the main document, now or when it is admitted. */
  async post(message: ChannelMessage): Promise<void> {
    if (this.#main) {
      this.#main.port.postMessage(message)
      return
    }
    refuseMore('kept_messages', this.#waiting.length + 1, DEFAULT_LIMITS.keptMessages, BufferFullError)
    await new Promise<void>((resolve, reject) => { this.#waiting.push({ message, resolve, reject }) })
  }

  /** Sends to a document. Does nothing if it is gone, or is another guest's. */
  postTo([processId, frameId]: Readonly<FrameId>, message: ChannelMessage): void {
    if (processId === this.#processId) this.#frames.get(frameId)?.port.postMessage(message)
  }

  /** Rejects the waiting messages and ignores received ones. The ports end with their documents. */
  end(): void {
    this.#ended = true
    const error = new DestroyedError('The web-view was removed before its guest was ready')
    for (const { reject } of this.#waiting) reject(error)
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

  #receive(frame: Frame, data: unknown): void {
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
