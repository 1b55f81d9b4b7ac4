/**
 * The named limits of PROTOCOL.md section 9, with their defaults. Those that only a server needs are an object of their
 * own, which a page's bundle leaves out. Twin: server/webipc/core/limits.py
 */

/** Each field is a row of PROTOCOL.md section 9, in camelCase: bytes, milliseconds or counts. */
export interface Limits {
  /** The length of a channel, in UTF-16 code units. */
  readonly channelLength: number
  /** The size of a message: its JSON as UTF-8 and its segments. */
  readonly messageBytes: number
  /** The size above which a message travels in parts, and the largest piece. */
  readonly partBytes: number
  /** Messages in one frame. */
  readonly frameMessages: number
  /** A frame of more than one message. */
  readonly frameBytes: number
  /** The largest frame that a receiver accepts. */
  readonly socketBytes: number
  /** The messages in a beacon. */
  readonly beaconBytes: number
  /** The nesting depth of arrays and objects in a value. */
  readonly depth: number
  /** The nodes of a value when every reference is followed. */
  readonly nodes: number
  /** Fixups of one message. */
  readonly fixups: number
  /** Segments of one message. */
  readonly segments: number
  /** Hexadecimal digits of a BigInt. */
  readonly bigintDigits: number
  /** Unacknowledged messages that a sender keeps. */
  readonly keptMessages: number
  /** Bytes of unacknowledged messages that a sender keeps. */
  readonly keptBytes: number
  /** Open calls of a peer. */
  readonly openCalls: number
  /** Open ports of a link. */
  readonly openPorts: number
  /** Received messages after which a bare frame acknowledges. */
  readonly ackMessages: number
  /** Received bytes after which a bare frame acknowledges. */
  readonly ackBytes: number
  /** Time after which a bare frame acknowledges. */
  readonly ackMs: number
  /** From the opening of a socket to its `hello`. */
  readonly helloMs: number
  /** Silence after which the socket is probed. */
  readonly silenceMs: number
  /** From a page's unanswered probe to the end of the socket. */
  readonly probeMs: number
  /** Silence after which a page answers a bare frame. */
  readonly answerPageMs: number
  /** Silence after which a server answers a bare frame. */
  readonly answerServerMs: number
}

/** The limits that only a server needs. */
export interface ServerLimits {
  /** The first frame of a socket or a body. */
  readonly helloBytes: number
  /** The body of a request. */
  readonly bodyBytes: number
  /** From the beginning of a request to the end of its body; a beacon has half of it. */
  readonly bodyMs: number
  /** The longest time between two bytes of a body. */
  readonly bodySilenceMs: number
  /** From a `hello` to the answer of the application who its user is. */
  readonly askMs: number
  /** The longest time between two frames of a server. */
  readonly heartbeatMs: number
  /** Silence of a page that has not read everything, after which its socket ends although the network answers. */
  readonly unreadMs: number
  /** From a close frame of a server to the end of the connection. */
  readonly closeMs: number
  /** Time without a socket after which a link ends. */
  readonly graceMs: number
  /** The same for a link that never had a socket, only requests. */
  readonly unattachedGraceMs: number
  /** The same after a 4411: the page was asked to come again, as who its user is now. */
  readonly askAgainMs: number
  /** From a `sync` to its answer. */
  readonly syncMs: number
  /** From `bye` to the end of the link, and from there to the end of its web contents. */
  readonly goodbyeMs: number
}

export const DEFAULT_LIMITS: Limits = Object.freeze({
  channelLength: 4_096,
  messageBytes: 33_554_432,
  partBytes: 1_081_344,
  frameMessages: 128,
  frameBytes: 65_536,
  socketBytes: 1_114_112,
  beaconBytes: 61_440,
  depth: 512,
  nodes: 1_000_000,
  fixups: 100_000,
  segments: 10_000,
  bigintDigits: 262_144,
  keptMessages: 100_000,
  keptBytes: 67_108_864,
  openCalls: 65_536,
  openPorts: 10_000,
  ackMessages: 64,
  ackBytes: 262_144,
  ackMs: 1_000,
  helloMs: 10_000,
  silenceMs: 40_000,
  probeMs: 5_000,
  answerPageMs: 5_000,
  answerServerMs: 1_000,
})

export const SERVER_LIMITS: ServerLimits = /* @__PURE__ */ Object.freeze({
  helloBytes: 65_536,
  bodyBytes: 71_303_168,
  bodyMs: 60_000,
  bodySilenceMs: 10_000,
  askMs: 6_000,
  heartbeatMs: 15_000,
  unreadMs: 600_000,
  closeMs: 10_000,
  graceMs: 60_000,
  unattachedGraceMs: 10_000,
  askAgainMs: 15_000,
  syncMs: 30_000,
  goodbyeMs: 5_000,
})
