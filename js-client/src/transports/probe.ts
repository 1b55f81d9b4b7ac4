/**
 * Asks whether a proxy in front of the server wants a login. Such a proxy refuses the handshake of a WebSocket, and
 * browsers show neither its status nor its redirect: the socket is lost with 1006, as by a network that is gone.
 *
 * Not in a file that is loaded when it is needed: the proxy would refuse it.
 */

/** Of so many sockets in a row that are lost without a welcome, the page asks at the last one. */
export const PROBED = 3

/** @returns whether a request with the cookies of a socket is refused, or redirected; false if nothing answers */
export function wantsLogin(address: string): Promise<boolean> {
  return fetch(`${address}/client.js`, { redirect: 'manual', cache: 'no-store', credentials: 'include' })
    // A redirect that is not followed has the status 0.
    .then(({ status }) => [0, 401, 403].includes(status), () => false)
}
