/**
 * The hierarchy of errors, the close codes, and what a page does after each. Programs compare codes; texts may change.
 *
 *     WebipcError
 *     ├── LocalError             a mistake of this side
 *     │   ├── CloneError         not-cloneable
 *     │   ├── LimitError         limit
 *     │   │   └── BufferFullError   buffer-full
 *     │   ├── DestroyedError     destroyed
 *     │   ├── FeatureError       no-feature
 *     │   ├── NoSyncError        no-sync
 *     │   ├── UnauthorizedError  unauthorized
 *     │   └── LinkEndedError     link-ended
 *     └── RemoteError            a fault of the peer
 *         ├── ProtocolError      protocol
 *         ├── UnreadableError    unreadable
 *         ├── UnansweredError    unknown-outcome
 *         └── ResetError         not-sent | unknown-outcome
 *
 * Twin: server/webipc/core/errors.py
 */

/** Every close code of PROTOCOL.md section 8. */
export const CloseCode = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  ABNORMAL: 1006,
  INTERNAL_ERROR: 1011,
  SERVICE_RESTART: 1012,
  OVERFLOW: 4008,
  PROTOCOL_ERROR: 4400,
  UNAUTHORIZED: 4401,
  FORBIDDEN: 4403,
  VERSION: 4406,
  HELLO_TIMEOUT: 4408,
  SUPERSEDED: 4409,
  RESET: 4410,
  ASK_AGAIN: 4411,
  TOO_LARGE: 4413,
  TRY_LATER: 4503,
} as const

/** What a page does after a close code (PROTOCOL.md section 8, last column). */
export const AfterClose = {
  NOTHING: 0,
  RECONNECT: 1,
  NEW_LINK: 2,
  GIVE_UP: 3,
} as const
export type AfterClose = (typeof AfterClose)[keyof typeof AfterClose]

/**
 * The codes after which the page makes a new link, and the reason of its reset (PROTOCOL.md 6.5). Those below 4000 are
 * the WebSocket's own; only browsers and proxies send them.
 */
const RESET_REASONS: Readonly<Record<number, string>> = {
  1002: 'protocol', 1003: 'protocol', 1007: 'protocol', 1009: 'protocol', [CloseCode.PROTOCOL_ERROR]: 'protocol',
  [CloseCode.TOO_LARGE]: 'protocol', [CloseCode.OVERFLOW]: 'overflow', [CloseCode.RESET]: 'ended',
}
const GIVE_UP: readonly number[] = [CloseCode.UNAUTHORIZED, CloseCode.FORBIDDEN, CloseCode.VERSION]

/**
 * What a page does after its current socket was closed with `code`: it reconnects after any code that is not listed.
 * 4409 is not listed: a page with a newer socket never asks about the older one.
 */
export function afterClose(code: number): AfterClose {
  if (code === CloseCode.NORMAL) return AfterClose.NOTHING
  if (RESET_REASONS[code]) return AfterClose.NEW_LINK
  return GIVE_UP.includes(code) ? AfterClose.GIVE_UP : AfterClose.RECONNECT
}

/** The reason with which a server refuses a page whose user is another than that of its link (PROTOCOL.md 6.1). */
const ANOTHER_USER = 'another-user'

/** The reason of a reset (PROTOCOL.md 6.5), where there is only a close code with its text. */
export function resetReason(code = 0, text: string): string {
  if (code === CloseCode.UNAUTHORIZED) return text === ANOTHER_USER ? text : 'unauthorized'
  return (code === CloseCode.RESET && text) || (RESET_REASONS[code] ?? text)
}

/** Truncates `text` to what fits into a close frame: 123 bytes of UTF-8, cut between two characters. */
export function fitReason(text: string): string {
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(123)).read)
}

/** The base class of all errors of webipc. Programs compare `code`. */
export class WebipcError extends Error {
  // Written out, because a minifier renames the class, and the page's console shows `name`.
  override readonly name: string = 'WebipcError'
  readonly code: string = 'webipc'
  /** @param fields the further fields of a class, which it only declares: a definition would overwrite them */
  constructor(message: string, fields?: object) {
    super(message)
    Object.assign(this, fields)
  }
}

/** A mistake of this side: nothing was sent, and the link is unchanged. */
export class LocalError extends WebipcError {
  override readonly name: string = 'LocalError'
  override readonly code: string = 'local'
}

/** Structured clone refuses a value. Electron's text, followed by the path of the value and what it is. */
export class CloneError extends LocalError {
  override readonly name = 'CloneError'
  override readonly code = 'not-cloneable'
  declare readonly path: string
  declare readonly reason: string
  /** @param path of the value, such as `args[1].user.save`; @param reason what the value is, such as `a function` */
  constructor(path: string, reason: string) {
    super(`An object could not be cloned. ${path}: ${reason}`, { path, reason })
  }
}

/** A message or value of this side exceeds a limit of PROTOCOL.md section 9. */
export class LimitError extends LocalError {
  override readonly name: string = 'LimitError'
  override readonly code: string = 'limit'
  declare readonly limit: string
  declare readonly actual: number
  declare readonly allowed: number
  /** @param limit its name in PROTOCOL.md; @param actual the amount found; @param allowed the largest amount allowed */
  constructor(limit: string, actual: number, allowed: number) {
    super(`${limit}: at most ${allowed} allowed, ${actual} found`, { limit, actual, allowed })
  }
}

/** The buffer of unacknowledged messages is full (`kept_messages`, `kept_bytes`). */
export class BufferFullError extends LimitError {
  override readonly name = 'BufferFullError'
  override readonly code = 'buffer-full'
}

/** The object's page or link is gone. */
export class DestroyedError extends LocalError {
  override readonly name = 'DestroyedError'
  override readonly code = 'destroyed'
}

/** The peer has an older version that does not know this kind of message. */
export class FeatureError extends LocalError {
  override readonly name = 'FeatureError'
  override readonly code = 'no-feature'
  declare readonly feature: string
  /** @param feature as `hello` and `welcome` name it */
  constructor(feature: string) {
    super(`The other side does not know '${feature}': update it`, { feature })
  }
}

/** This page may make no synchronous request now. Nothing was sent. */
export class NoSyncError extends LocalError {
  override readonly name = 'NoSyncError'
  override readonly code = 'no-sync'
  /** @param reason why, and what to do */
  constructor(reason: string) {
    super(`sendSync cannot block this page: ${reason}`)
  }
}

/** A server has refused this page, so nothing can be sent until `connection.open()`. */
export class UnauthorizedError extends LocalError {
  override readonly name = 'UnauthorizedError'
  override readonly code = 'unauthorized'
  declare readonly closeCode: number
  declare readonly reason: string
  /** @param closeCode 4401, 4403 or 4406; @param reason the server's text */
  constructor(closeCode: number, reason: string) {
    super(`The server refuses this page (${closeCode} ${reason}): connection.open() tries again`, { closeCode, reason })
  }
}

/** A message was posted on a link that has ended. */
export class LinkEndedError extends LocalError {
  override readonly name = 'LinkEndedError'
  override readonly code = 'link-ended'
}

/** A fault of the peer. */
export class RemoteError extends WebipcError {
  override readonly name: string = 'RemoteError'
  override readonly code: string = 'remote'
}

/** The peer broke PROTOCOL.md; the socket is closed with `closeCode`. */
export class ProtocolError extends RemoteError {
  override readonly name = 'ProtocolError'
  override readonly code = 'protocol'
  declare readonly detail: string
  declare readonly closeCode: number
  /** @param detail what was expected and received; @param closeCode 4400, or 4413 if a size is too large */
  constructor(detail: string, closeCode: number = CloseCode.PROTOCOL_ERROR) {
    super(detail, { detail, closeCode })
  }
}

/** A value that PROTOCOL.md allows, and this side cannot take (section 5): its message fails alone. */
export class UnreadableError extends RemoteError {
  override readonly name = 'UnreadableError'
  override readonly code = 'unreadable'
}

/**
 * The link ended before the answer arrived. `code` is `not-sent` if the call was never handed to a transport, so it is
 * safe to retry, and `unknown-outcome` if the peer may have run it (PROTOCOL.md section 6.5).
 */
export class ResetError extends RemoteError {
  override readonly name = 'ResetError'
  declare readonly code: 'not-sent' | 'unknown-outcome'
  declare readonly reason: string
  /** @param reason one of the reasons of `reset`, such as `unknown-link`; @param code as above */
  constructor(reason: string, code: 'not-sent' | 'unknown-outcome' = 'unknown-outcome') {
    super(`The link was reset (${reason}): ${code}`, { reason })
    this.code = code
  }
}

/** No request of a `sendSync` was answered: the call may have run, or not. */
export class UnansweredError extends RemoteError {
  override readonly name = 'UnansweredError'
  override readonly code = 'unknown-outcome'
  declare readonly channel: string
  /** @param channel of the call */
  constructor(channel: string) {
    super(`sendSync('${channel}') was not answered: it may have run`, { channel })
  }
}

/** Refuses what was received. @throws ProtocolError always */
export function fail(detail: string, closeCode?: number): never {
  throw new ProtocolError(detail, closeCode)
}

/** @throws ProtocolError 4413 if more was received than is allowed */
export function refuseLarger(what: string, actual: number, allowed: number): void {
  if (actual > allowed) fail(`${what}: at most ${allowed} allowed, ${actual} found`, CloseCode.TOO_LARGE)
}

/** @throws LimitError, or the class given, if more would be sent than is allowed */
export function refuseMore(limit: string, actual: number, allowed: number, Refusal = LimitError): void {
  if (actual > allowed) throw new Refusal(limit, actual, allowed)
}
