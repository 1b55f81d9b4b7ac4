/**
 * The browser's XMLHttpRequest, as far as a synchronous request needs it: passes the body to a function in the server's
 * role, and returns its answer as a browser does.
 */
import { binaryForm, encodeParcel, type EncodedMessage } from '../../src/core/frame.js'
import type { Link } from '../../src/core/link/index.js'

/** The answer to a synchronous request. */
export interface SyncAnswer {
  readonly status: number
  /** Each character is a byte. */
  readonly text: string
}

/** The text of an answer that is read as x-user-defined. */
export function answerText(link: Link, answer: EncodedMessage): string {
  const frame = binaryForm(link.bareFrame())
  const length = [0, 8, 16, 24].map((shift) => (frame.length >> shift) & 0xff)
  const bytes = [1, ...length, ...frame, ...encodeParcel(answer)]
  return bytes.map((byte) => String.fromCharCode(byte < 0x80 ? byte : 0xf700 + byte)).join('')
}

/** A request as the page has made it. */
export interface Asked {
  readonly method: string
  readonly url: string
  readonly async: boolean
  readonly headers: Record<string, string>
  withCredentials: boolean
  timeout: number
}

/**
 * @param asked - collects every request. @param answer - the server; throws if it does not answer
 * @param isWindow - a window may not limit the time of a synchronous request
 */
export function requestClass(
  asked: Asked[],
  answer: (body: Uint8Array<ArrayBuffer>, url: string) => SyncAnswer,
  isWindow: () => boolean = () => true,
): unknown {
  return class {
    status = 0
    statusText = ''
    responseText = ''
    withCredentials = false
    readonly #headers: Record<string, string> = {}

    open(method: string, url: string, async: boolean): void {
      asked.push({ method, url, async, headers: this.#headers, withCredentials: false, timeout: 0 })
    }

    set timeout(milliseconds: number) {
      if (isWindow()) throw new DOMException('a window', 'InvalidAccessError')
      const last = asked.at(-1)
      if (last) last.timeout = milliseconds
    }

    setRequestHeader(name: string, value: string): void { this.#headers[name] = value }
    overrideMimeType(): void { /* The text is such already. */ }

    send(body: Uint8Array<ArrayBuffer>): void {
      const last = asked.at(-1)
      if (last) last.withCredentials = this.withCredentials
      const { status, text } = answer(body.slice(), last?.url ?? '')
      Object.assign(this, { status, responseText: text })
    }
  }
}
