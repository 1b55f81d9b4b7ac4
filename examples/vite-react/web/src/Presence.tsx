/** The people who are connected, and the state of this page's connection. */
import type { ConnectionState } from 'webipc'
import type { People } from './channels'

const STATES: Record<ConnectionState, string> = {
  connecting: 'Connecting…', open: 'Live', resuming: 'Reconnecting…', reset: 'Restarting…', closed: 'Closed',
}

export function Presence({ people, me, state }: { people: People, me: number, state: ConnectionState }) {
  return (
    <>
      <output className={state}>{STATES[state]}</output>
      <ul aria-label="Who is here">
        {[...people].map(([id, since]) => (
          <li key={id} className={id === me ? 'me' : ''} title={`since ${since.toLocaleTimeString()}`}>
            {id === me ? 'you' : `#${id}`}
          </li>
        ))}
      </ul>
    </>
  )
}
