/** The page: the board, the people who are connected, and the calls to Python. */
import { useEffect, useState } from 'react'
import { Board } from './Board'
import { INKS, type Ink, type People, type Stroke, type Strokes } from './channels'
import { invoke, useConnection, useIpc } from './ipc'
import { Presence } from './Presence'

export function App() {
  const state = useConnection()
  const [strokes, setStrokes] = useState<Strokes>(new Map())
  const [waiting, setWaiting] = useState<readonly Stroke[]>([])
  const [people, setPeople] = useState<People>(new Map())
  const [me, setMe] = useState(0)
  const [ink, setInk] = useState<Ink>('ocean')
  const [failure, setFailure] = useState('')

  useIpc('people', setPeople)
  useIpc('stroke', (number, stroke) => { setStrokes((known) => new Map(known).set(number, stroke)) })
  useIpc('erase', (numbers) => {
    setStrokes((known) => new Map([...known].filter(([number]) => !numbers.includes(number))))
  })

  async function attempt(call: Promise<unknown>): Promise<void> {
    setFailure(await call.then(() => '', (error: Error) => error.message))
  }

  // After each connection, not only the first: the server may have restarted.
  useEffect(() => {
    if (state !== 'open') return
    void attempt(invoke('join').then((board) => {
      setMe(board.me)
      setStrokes(board.strokes)
      setPeople(board.people)
    }))
  }, [state])

  async function draw(points: Float32Array): Promise<void> {
    const stroke = { ink, points }
    setWaiting((others) => [...others, stroke])
    await attempt(invoke('draw', ink, points))
    // A result never overtakes a push that was sent before it: the stroke is on the board by now.
    setWaiting((others) => others.filter((other) => other !== stroke))
  }

  return (
    <main>
      <header>
        <h1>Sketch</h1>
        <Presence people={people} me={me} state={state} />
      </header>
      <Board strokes={strokes} waiting={waiting} ink={ink} onDraw={(points) => { void draw(points) }} />
      <footer>
        <fieldset aria-label="Ink">
          {INKS.map((name) => (
            <input type="radio" name="ink" key={name} className={name} aria-label={name} title={name}
              checked={name === ink} onChange={() => { setInk(name) }} />
          ))}
        </fieldset>
        <p role="status">{failure}</p>
        <button onClick={() => { void attempt(invoke('undo')) }}>Undo</button>
        <button onClick={() => { void attempt(invoke('clear')) }}>Clear</button>
      </footer>
    </main>
  )
}
