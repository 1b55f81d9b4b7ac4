/**
 * The requests of one `sendSync`: sends, retries if nothing answers, and reads the answer (PROTOCOL.md 4.6).
 * Twin: server/webipc/link/calls/sync_calls.py
 */
import { beaconAddress, syncAddress } from '../page/server-address.js'
import { parse, type Envelope } from '../core/envelope.js'
import { CloseCode, ProtocolError } from '../core/errors.js'
import { decodeFrame, decodeParcel, encodeControl } from '../core/frame.js'
import type { BlockedConnection } from './blocking.js'
import type { PageLink } from './page-link.js'
import { answerOf, partsOf, request, type Refusal } from '../transports/sync-request.js'

/** How many requests are made for one call. The server runs the call once, however many arrive. */
const TRIES = 3

/** An answer within so many milliseconds proves that the server is there. */
const RECENT = 1_000

/**
 * @param address - of the server
 * @returns the answer or a refusal; undefined if no request was answered
 */
export function askSync(
  connection: BlockedConnection, address: string, link: PageLink, id: number,
): Envelope | Refusal | undefined {
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      const answer = ask(connection, address, link, id)
      if (answer) return answer
    } catch (error) {
      if (error instanceof ProtocolError) return { code: CloseCode.PROTOCOL_ERROR, reason: error.detail }
      // The server would have answered. Another request would take as long.
      if ((error as Error).name === 'TimeoutError') break
    }
  }
  return undefined
}

function ask(
  connection: BlockedConnection, address: string, link: PageLink, id: number,
): Envelope | Refusal | undefined {
  if (hasWaiting(link)) makeLink(connection, address, link)
  const [frames = []] = link.bodies(connection.describe(), [encodeControl(link.core.received, 'await', id)])
  const answer = answerOf(request(syncAddress(address), frames, connection.syncMs + link.core.limits.helloMs))
  if (answer) link.answered = Date.now()
  return answer instanceof Uint8Array ? read(answer, link) : answer
}

/**
 * Whether messages besides the last wait for a server, and have never left. They may have run if they are in a request
 * that fails. So they are not put into one before a server has answered.
 */
function hasWaiting({ core, answered }: PageLink): boolean {
  const waits = core.fresh || !core.wasHanded(core.last - 1)
  return waits && !core.attached && Date.now() - answered > RECENT
}

/**
 * Has the server create the link, without a message of it.
 *
 * @throws an error if no server answers
 */
export function makeLink(connection: BlockedConnection, address: string, link: PageLink): void {
  const sent = request(beaconAddress(address), [link.hello(0, connection.describe())], link.core.limits.helloMs)
  // A gateway answers for a server that is away, with any status.
  if (sent.status !== 204 && !answerOf(sent)) throw new Error()
}

function read(answer: Uint8Array, { core }: PageLink): Envelope | undefined {
  const [frame, parcel] = partsOf(answer)
  const { limits } = core
  core.receive(decodeFrame(frame, limits), null)
  return parse([decodeParcel([parcel])], limits)[0]
}
