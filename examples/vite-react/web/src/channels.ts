/** The types of the channels of main.py: its handlers and its pushes. */
export const INKS = ['graphite', 'coral', 'amber', 'leaf', 'ocean'] as const
export type Ink = (typeof INKS)[number]

export interface Stroke {
  ink: Ink
  /** x, y, x, y, … in units of the board; sent as raw bytes. */
  points: Float32Array
}

/** By number, in drawing order. */
export type Strokes = ReadonlyMap<number, Stroke>
/** The time at which each web contents connected. */
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
