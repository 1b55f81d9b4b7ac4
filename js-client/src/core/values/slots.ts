/**
 * Reads internal slots of objects, above all of buffers and their views, in any class or realm. Own properties cannot
 * deceive it, except for the two that make a buffer resizable.
 *
 * Features newer than ES2022 (Float16Array, resizable buffers) are used if the engine has them.
 */

/**
 * Applies a member of a built-in's prototype to `self`. @returns the getter's value, or the method's result for `args`;
 * undefined if the engine lacks the member. @throws TypeError if `self` lacks the internal slot
 */
export function ask(prototype: object, name: PropertyKey, self: object, ...args: unknown[]): unknown {
  const member: unknown = Reflect.get(prototype, name, self)
  return typeof member === 'function' ? Reflect.apply(member, self, args) : member
}

/** Whether a function returns instead of throwing. */
export function answers(question: () => unknown): boolean {
  try {
    question()
    return true
  } catch {
    return false
  }
}

/** The additional members of newer engines. */
interface Resizable extends ArrayBuffer {
  readonly resizable?: boolean
  readonly maxByteLength: number
  resize(length: number): void
}

/** `[maxByteLength]` of a resizable buffer; `[]` for one of fixed length. */
export function maxOf(buffer: object): number[] {
  const { resizable, maxByteLength } = buffer as Resizable
  return resizable ? [maxByteLength] : []
}

/** Classes by name, as the wire and a prototype chain name them. */
export function byName<T extends { readonly name: string }>(...classes: readonly T[]): Map<unknown, T> {
  return new Map(classes.map((one) => [one.name, one]))
}

/** A new buffer with these bytes. An engine without resizable buffers ignores `max` and returns a fixed one. */
export function makeBuffer(bytes: Uint8Array, max: unknown): ArrayBuffer {
  const Buffer = ArrayBuffer as new (length: number, options?: { maxByteLength: unknown }) => ArrayBuffer
  const buffer = new Buffer(bytes.length, { maxByteLength: max })
  new Uint8Array(buffer).set(bytes)
  return buffer
}

interface ViewConstructor {
  readonly name: string
  readonly prototype: object
  new (buffer: ArrayBuffer, offset: number, length?: number): ArrayBufferView
}
declare const Float16Array: ViewConstructor | undefined

const VIEWS = byName<ViewConstructor>(
  Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
  Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView,
// An engine without Float16Array gets the bits of the elements.
).set('Float16Array', typeof Float16Array === 'undefined' ? Uint16Array : Float16Array)

/**
 * Makes a view; `length` in elements, null for a view that tracks the length of its buffer.
 * Throws if the kind is unknown, or the view is out of bounds or misaligned.
 */
export function makeView(kind: unknown, buffer: ArrayBuffer, offset: number, length: number | null): ArrayBufferView {
  const View = VIEWS.get(kind) as ViewConstructor
  return new View(buffer, offset, length ?? undefined)
}

const ofTypedArray = Object.getPrototypeOf(Int8Array.prototype) as object

/** The kind of a view, as PROTOCOL.md section 5 lists them. */
export function viewKind(view: object): unknown {
  return ask(ofTypedArray, Symbol.toStringTag, view) ?? 'DataView'
}

/** An internal slot of a view, whatever its own properties; undefined if its class has no such slot. */
export function viewSlot(view: object, name: 'buffer' | 'byteLength' | 'byteOffset' | 'keys' | 'length'): unknown {
  return ask((VIEWS.get(viewKind(view)) as ViewConstructor).prototype, name, view)
}

/** False if a shrunk buffer left the view out of bounds. Then a DataView has no length, a typed array no iterators. */
export function isInBounds(view: object): boolean {
  return answers(() => [viewSlot(view, 'keys'), viewSlot(view, 'byteLength')])
}

/** The length in elements (of a DataView in bytes), null for a view that tracks the length of its buffer. */
export function viewLength(view: object): unknown {
  return tracksLength(view) ? null : (viewSlot(view, 'length') ?? viewSlot(view, 'byteLength'))
}

/**
 * Whether a view tracks the length of its buffer. The language has no test for this, so the buffer is cut at the start
 * of the view, then lengthened (for an empty view), and restored. Meanwhile a tracking view has another length; any
 * other has the same length or is out of bounds. No other code can run in between.
 */
function tracksLength(view: object): boolean {
  const buffer = viewSlot(view, 'buffer') as Resizable
  const [max] = maxOf(buffer)
  if (max === undefined) return false
  const bytes = new Uint8Array(buffer).slice()
  const offset = viewSlot(view, 'byteOffset') as number
  const size = viewSlot(view, 'byteLength') as number
  return [offset, Math.min(max, offset + size + 15)].some((length) => {
    // A buffer of WebAssembly refuses other lengths.
    if (!answers(() => { buffer.resize(length) })) return false
    const isOther = isInBounds(view) && viewSlot(view, 'byteLength') !== size
    buffer.resize(bytes.length)
    new Uint8Array(buffer).set(bytes)
    return isOther
  })
}
