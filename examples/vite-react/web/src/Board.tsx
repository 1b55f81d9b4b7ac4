/** The board: draws all strokes, and passes on the strokes of the pointer. */
import { memo, useState, type PointerEvent } from 'react'
import type { Ink, Stroke, Strokes } from './channels'

const WIDTH = 1600
const HEIGHT = 1000

interface Props {
  strokes: Strokes
  waiting: readonly Stroke[]
  ink: Ink
  onDraw: (points: Float32Array) => void
}

const Line = memo(({ ink, points, waits = false }: { ink: Ink, points: ArrayLike<number>, waits?: boolean }) => (
  <polyline className={waits ? `${ink} waits` : ink} points={Array.from(points, (it) => Math.round(it)).join(' ')} />
))

/** The position of the pointer in units of the board. */
function place({ currentTarget, clientX, clientY }: PointerEvent): [number, number] {
  const { left, top, width, height } = currentTarget.getBoundingClientRect()
  return [(clientX - left) / width * WIDTH, (clientY - top) / height * HEIGHT]
}

export function Board({ strokes, waiting, ink, onDraw }: Props) {
  const [drawn, setDrawn] = useState<readonly number[]>([])

  function begin(event: PointerEvent): void {
    event.currentTarget.setPointerCapture(event.pointerId)
    // The first point twice, so that a tap draws a dot.
    setDrawn([...place(event), ...place(event)])
  }

  function end(): void {
    if (drawn.length) onDraw(new Float32Array(drawn))
    setDrawn([])
  }

  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`A drawing of ${strokes.size} strokes`}
      onPointerDown={begin} onPointerUp={end} onPointerCancel={() => { setDrawn([]) }}
      onPointerMove={(event) => { if (drawn.length) setDrawn([...drawn, ...place(event)]) }}>
      {[...strokes].map(([number, stroke]) => <Line key={number} ink={stroke.ink} points={stroke.points} />)}
      {waiting.map((stroke, index) => <Line key={-1 - index} waits ink={stroke.ink} points={stroke.points} />)}
      {drawn.length > 0 && <Line ink={ink} points={drawn} />}
      {strokes.size + waiting.length + drawn.length === 0 && <text x="50%" y="50%">Draw something. Everyone sees it.</text>}
    </svg>
  )
}
