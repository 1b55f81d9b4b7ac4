/** Who is here, and whether this page is. */
import type { ConnectionState } from 'webipc'
import type { People } from './channels'

const STATES: Record<ConnectionState, string> = {
  connecting: 'Connecting…', open: 'Live', resuming: 'Reconnecting…', reset: 'Starting anew…', closed: 'Closed',
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
