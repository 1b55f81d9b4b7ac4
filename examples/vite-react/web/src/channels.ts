/** What main.py answers and what it pushes: its channels, with their types, once and for the whole page. */
export const INKS = ['graphite', 'coral', 'amber', 'leaf', 'ocean'] as const
export type Ink = (typeof INKS)[number]

export interface Stroke {
  ink: Ink
  /** x, y, x, y, … in the units of the board; it crosses as raw bytes. */
  points: Float32Array
}

/** By number, in the order in which they were drawn. */
export type Strokes = ReadonlyMap<number, Stroke>
/** Since when each web contents is here. */
export type People = ReadonlyMap<number, Date>

export interface Calls {
  join: () => { me: number, strokes: Strokes, people: People }
  draw: (ink: Ink, points: Float32Array) => number
  undo: () => boolean
  clear: () => number
}

export interface Pushes {
  stroke: [number: number, stroke: Stroke]
  erase: [numbers: number[]]
  people: [people: People]
}
