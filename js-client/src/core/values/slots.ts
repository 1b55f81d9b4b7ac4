/**
 * Reads what only a built-in's own members can tell of an object: buffers and their views above all, whatever class or
 * realm they are of and whatever their own properties pretend (but for the two that make a buffer resizable).
 *
 * Knows nothing of the wire. Features newer than ES2022 (Float16Array, resizable buffers) are used where the engine
 * has them.
 */

/**
 * What a member of a built-in's prototype says of `self`: a getter's value, or a method's answer to `args`. Undefined
 * for a member that the engine does not have; throws where `self` lacks the internal slot.
 */
export function ask(prototype: object, name: PropertyKey, self: object, ...args: unknown[]): unknown {
  const member: unknown = Reflect.get(prototype, name, self)
  return typeof member === 'function' ? Reflect.apply(member, self, args) : member
}

/** Whether there is an answer instead of a throw. */
export function answers(question: () => unknown): boolean {
  try {
    question()
    return true
  } catch {
    return false
  }
}

/** What newer engines' buffers have. */
interface Resizable extends ArrayBuffer {
  readonly resizable?: boolean
  readonly maxByteLength: number
  resize(length: number): void
}

/** `maxByteLength` of a resizable buffer; nothing for one of fixed length. */
export function maxOf(buffer: object): number[] {
  const { resizable, maxByteLength } = buffer as Resizable
  return resizable ? [maxByteLength] : []
}

/** Classes by their names, which is how the wire and a chain of prototypes know them. */
export function byName<T extends { readonly name: string }>(...classes: readonly T[]): Map<unknown, T> {
  return new Map(classes.map((one) => [one.name, one]))
}

/** A new buffer with these bytes. An engine without resizable buffers ignores `max`, and gives a fixed one. */
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
// An engine that lacks it shows the bits of its elements.
).set('Float16Array', typeof Float16Array === 'undefined' ? Uint16Array : Float16Array)

/**
 * A view; `length` in elements, null where it follows the length of its buffer.
 * Throws where the kind is unknown, or the view is outside of the buffer or off its alignment.
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

/** What a view itself, not its properties, says; undefined for a name that its class does not have. */
export function viewSlot(view: object, name: 'buffer' | 'byteLength' | 'byteOffset' | 'keys' | 'length'): unknown {
  return ask((VIEWS.get(viewKind(view)) as ViewConstructor).prototype, name, view)
}

/** Not where a shrunk buffer has left the view outside: a DataView then has no length, a typed array no iterators. */
export function isInBounds(view: object): boolean {
  return answers(() => [viewSlot(view, 'keys'), viewSlot(view, 'byteLength')])
}

/** The length in elements (a DataView's in bytes), null where it follows the length of the buffer. */
export function viewLength(view: object): unknown {
  return follows(view) ? null : (viewSlot(view, 'length') ?? viewSlot(view, 'byteLength'))
}

/**
 * The language has no question for this, so the buffer is cut at the view's beginning, and then made longer (that tells
 * of an empty view), and put back as it was: a view that follows has another length in between, one of its own length
 * has the same or is out of bounds. Nothing else can run meanwhile.
 */
function follows(view: object): boolean {
  const buffer = viewSlot(view, 'buffer') as Resizable
  const [max] = maxOf(buffer)
  if (max === undefined) return false
  const bytes = new Uint8Array(buffer).slice()
  const offset = viewSlot(view, 'byteOffset') as number
  const size = viewSlot(view, 'byteLength') as number
  return [offset, Math.min(max, offset + size + 15)].some((length) => {
    // A buffer of WebAssembly cannot have any other length.
    if (!answers(() => { buffer.resize(length) })) return false
    const isOther = isInBounds(view) && viewSlot(view, 'byteLength') !== size
    buffer.resize(bytes.length)
    new Uint8Array(buffer).set(bytes)
    return isOther
  })
}
