/**
 * The types of messages and control messages, and the check that a received one has its shape (PROTOCOL.md sections 4
 * and 6). A value stays an undecoded skeleton, so that a message can be dropped or forwarded without decoding it.
 * Twin: server/webipc/core/envelope/__init__.py
 */
import { decode } from './clone/index.js'
import { isContainer, isText } from './clone/skeleton.js'
import { fail, refuseLarger } from './errors.js'
import { isCount, type RawMessage } from './frame.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'

/** What may accompany a value, and keys of later versions. Set by the peer, and not validated. */
export interface Meta {
  readonly deadline?: number
  readonly traceparent?: string
  /** Set in a `send` that another page has sent (PROTOCOL.md 4.7). */
  readonly senderId?: number
  readonly senderIsMainFrame?: boolean
}

/** A message with a value, which `decodeValue` decodes. */
export interface Carrier {
  readonly value: unknown
  readonly meta: Meta | null
  readonly fixups: readonly unknown[]
  readonly segments: readonly Uint8Array[]
}

/** A value with port handles. */
interface Ported extends Carrier { readonly ports: readonly number[] }

/** Arguments for the listeners of a channel, without an answer. */
export interface Send extends Carrier { readonly kind: 'send', readonly channel: string }

/** A message with port handles. */
export interface Post extends Ported { readonly kind: 'post', readonly channel: string }

/** Arguments for the listeners of another page, the main document of the web contents with this id. */
export interface SendTo extends Carrier {
  readonly kind: 'send-to'
  readonly contents: number
  readonly channel: string
}

/** A call, answered by one `Result` or `ErrorReply` with its id. */
export interface Invoke extends Carrier { readonly kind: 'invoke', readonly id: number, readonly channel: string }

/** What a call returned. */
export interface Result extends Carrier { readonly kind: 'result', readonly id: number }

/** What a call raised. */
export interface ErrorReply extends Carrier { readonly kind: 'error', readonly id: number }

/** A blocking call, whose answer is not a numbered message. */
export interface Sync extends Carrier { readonly kind: 'sync', readonly id: number, readonly channel: string }

/** The answer of a `Sync` was received, and need not be kept any longer. */
export interface SyncDone { readonly kind: 'sync-done', readonly id: number }

/** Occupies a number, without any effect. */
export interface Void { readonly kind: 'void' }

/** A message through a port. */
export interface Port extends Ported { readonly kind: 'port', readonly port: number }

/** A port was closed. */
export interface PortClose { readonly kind: 'port-close', readonly port: number }

/** A piece of a parcel: `segments` has this one piece, `remaining` counts the bytes of the parcel after it. */
export interface Part { readonly kind: 'part', readonly remaining: number, readonly segments: readonly Uint8Array[] }

export type Envelope =
  Send | Post | SendTo | Invoke | Result | ErrorReply | Sync | SyncDone | Void | Port | PortClose | Part

/** The first frame of a page on each socket (PROTOCOL.md 6.1, where each field is explained). */
export interface Hello {
  readonly kind: 'hello'
  readonly link: string
  readonly secret: string
  readonly attempt: number
  readonly received: number
  readonly first: number
  readonly fresh: boolean
  readonly features: readonly string[]
  readonly token?: string
  readonly url?: string
  readonly name?: string
  readonly version?: string
  readonly parent?: string
  readonly process?: string
  readonly last?: number
  readonly auth?: string
}

/** The server's answer to `Hello` (PROTOCOL.md 6.1, where each field is explained). */
export interface Welcome {
  readonly kind: 'welcome'
  readonly received: number
  readonly features: readonly string[]
  readonly process: string
  readonly webContentsId: number
  readonly token: string
  readonly frameToken: string
  readonly messageBytes: number
  readonly debug?: boolean
  readonly version?: string
  readonly syncMs?: number
}

/** The link has ended, and why (PROTOCOL.md 6.5). */
export interface Reset { readonly kind: 'reset', readonly reason: string }

/** The page ends the link; `last` is the last number that it used (PROTOCOL.md 6.6). */
export interface Bye { readonly kind: 'bye', readonly last: number }

/** The last frame of a synchronous request: the response waits for the answer to this call (PROTOCOL.md 4.6). */
export interface Await { readonly kind: 'await', readonly id: number }

/** The page should reload, because a developer has changed its files (PROTOCOL.md 6.8). */
export interface Reload { readonly kind: 'reload' }

/** The control messages of a server, and those of a page. */
export type Control = Welcome | Reset | Reload
export type PageControl = Hello | Bye | Await

type Check = (field: unknown, kind: string) => boolean
type Field = readonly [name: string, check: Check]
/** The fields of each kind, in order. */
type Kinds = ReadonlyMap<unknown, readonly Field[]>

const isTruth: Check = (field) => typeof field === 'boolean'
const isPositive = (field: unknown): boolean => isCount(field) && field > 0
const isToken: Check = (field) => isText(field) && /^[\da-f]{32}$/.test(field)
/** What may stand behind `Authorization: Bearer` (RFC 6750), so that a server can show it there. Of a text. */
export const isBearer = (field: unknown): boolean => /^[\w.~+/=-]{1,8192}$/.test(field as string)
const areTexts: Check = (field) => Array.isArray(field) && field.every(isText)
const isObject = (field: unknown): field is object => isContainer(field) && !Array.isArray(field)
const isValue: Check = (field, kind) =>
  kind === 'error' ? isText((field as { message?: unknown } | null | undefined)?.message) : field !== undefined
const optional = (check: Check): Check => (field, kind) => field === undefined || check(field, kind)

const channel: Field = ['channel', isText]
const id: Field = ['id', isPositive]
const port: Field = ['port', isPositive]
const value: Field = ['value', isValue]
const ports: Field = ['ports', (field) => Array.isArray(field) && field.every(isPositive)]

/** Each kind and its fixed fields, in order (PROTOCOL.md section 4). */
const KINDS: Kinds = new Map<unknown, readonly Field[]>([
  ['send', [channel, value]],
  ['post', [channel, value, ports]],
  ['send-to', [['contents', isPositive], channel, value]],
  ['invoke', [id, channel, value]],
  ['result', [id, value]],
  ['error', [id, value]],
  ['sync', [id, channel, value]],
  ['sync-done', [id]],
  ['void', []],
  ['port', [port, value, ports]],
  ['port-close', [port]],
  ['part', [['remaining', isCount]]],
])

/** The fields of a server's control messages (PROTOCOL.md section 6); others are ignored. */
const CONTROLS: Kinds = new Map([
  ['welcome', Object.entries({
    received: isCount, features: areTexts, process: isText, webContentsId: isPositive, token: isToken,
    frameToken: isToken, messageBytes: isPositive, debug: optional(isTruth), version: optional(isText),
    syncMs: optional(isPositive),
  })],
  ['reset', [['reason', isText]]],
  ['reload', []],
])

/** The same of a page; the field of `bye` and `await` has no name. A function, so that pages do not download it. */
const pageControls = (): Kinds => new Map([
  ['hello', Object.entries({
    link: isToken, secret: isToken, attempt: isCount, received: isCount, first: isPositive, fresh: isTruth,
    features: areTexts, token: optional(isToken), url: optional(isText), name: optional(isText),
    version: optional(isText), parent: optional(isToken), process: optional(isText), last: optional(isCount),
    auth: optional((field) => isText(field) && isBearer(field)),
  })],
  ['await', [id]],
  ['bye', [['last', isCount]]],
])

/**
 * Checks the numbered messages of a frame, and gives them their types.
 *
 * @throws ProtocolError 4400 for a kind, a field or a count of elements that PROTOCOL.md section 4 does not have;
 *   4413 for too long a channel, or too many segments or fixups. Then none of the messages counts as received.
 */
export function parse(messages: readonly RawMessage[], limits: Limits = DEFAULT_LIMITS): Envelope[] {
  return messages.map((message) => parseMessage(message, limits))
}

/**
 * Checks a control message of a server, and gives it its type. Unknown keys are ignored (PROTOCOL.md 6.1).
 *
 * @throws ProtocolError 4400 if it is no such message, or a field has the wrong type
 */
export function parseControl(control: readonly unknown[]): Control {
  return parseFields(CONTROLS, control) as unknown as Control
}

/** For MAIN: the same for a control message of a page. */
export function parsePageControl([kind, content, ...more]: readonly unknown[]): PageControl {
  const fields = kind === 'bye' ? { last: content } : kind === 'await' ? { id: content } : content
  return parseFields(pageControls(), [kind, fields, ...more]) as unknown as PageControl
}

/** Decodes the value of a message. @throws ProtocolError if its fixups do not fit it */
export function decodeValue(carrier: Carrier, limits: Limits = DEFAULT_LIMITS): unknown {
  return decode(carrier.value, carrier.fixups, carrier.segments, limits)
}

function parseFields(kinds: Kinds, [kind, fields, ...more]: readonly unknown[]): Record<string, unknown> {
  if (!isObject(fields) || more.length > 0) fail('malformed frame')
  return checked(kinds, kind, (name) =>
    Object.hasOwn(fields, name) ? (fields as Record<string, unknown>)[name] : undefined)
}

function parseMessage({ fields, segments }: RawMessage, limits: Limits): Envelope {
  let length = 1
  const envelope = checked(KINDS, fields[0], () => fields[length++])
  envelope['segments'] = segments
  const rest = fields.slice(length)
  if (Object.hasOwn(envelope, 'value')) {
    // Either may be absent; their types tell them apart.
    envelope['meta'] = isObject(rest[0]) ? rest.shift() : null
    envelope['fixups'] = Array.isArray(rest[0]) ? rest.shift() : []
  }
  if (rest.length > 0) fail('wrong count')
  refuseExcess(envelope as unknown as Excessive, limits)
  return envelope as unknown as Envelope
}

type Excessive = Pick<Part, 'segments'> & Partial<Pick<Send, 'channel' | 'fixups'>> & { readonly kind: string }

/** @throws ProtocolError 4413 beyond a limit; 4400 for segments without a value, or a part without exactly one */
function refuseExcess({ kind, channel = '', fixups, segments }: Excessive, limits: Limits): void {
  refuseLarger('channel', channel.length, limits.channelLength)
  refuseLarger('segments', segments.length, limits.segments)
  if (fixups) refuseLarger('fixups', fixups.length, limits.fixups)
  else if (segments.length !== Number(kind === 'part')) fail('wrong count')
}

/** Checks the kind and each field. @returns the kind and the fields by name */
function checked(kinds: Kinds, kind: unknown, fieldOf: (name: string) => unknown): Record<string, unknown> {
  const fields = kinds.get(kind)
  // Only a text is quoted: of anything else, String() would run a `toString` that was received with it.
  if (!fields) fail(`wrong kind ${isText(kind) ? kind : typeof kind}`)
  const parsed: Record<string, unknown> = { kind }
  for (const [name, check] of fields) {
    parsed[name] = fieldOf(name)
    // The text does not quote the field, which may be the secret.
    if (!check(parsed[name], kind as string)) fail(`wrong ${name} of ${kind as string}`)
  }
  return parsed
}
