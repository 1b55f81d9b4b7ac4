/**
 * The ArrayBuffers and views of tests/vectors/values.json as JavaScript has them: the part of native-values.ts that
 * deals in bytes.
 */
import { fromHex } from '../support/vectors.js'

export type Builder = () => unknown

/** A placeholder for a value that this engine cannot build: its vector is only decoded and encoded again. */
export const UNBUILT = Symbol('a value that this engine cannot build')

const NUMBERS = 'ff0102030405060708090a0b0c0d0e0f'
const COUNT_8 = '0001020304050607'

/** The same object, handed to a function that uses it more than once. */
export function share<T>(value: T, use: (value: T) => unknown): unknown {
  return use(value)
}

export function bufferOf(digits: string, maxByteLength?: number): ArrayBuffer {
  const bytes = fromHex(digits)
  const Resizable = ArrayBuffer as new (length: number, options?: { maxByteLength: number }) => ArrayBuffer
  const buffer = new Resizable(bytes.length, ...(maxByteLength === undefined ? [] : [{ maxByteLength }]))
  new Uint8Array(buffer).set(bytes)
  return buffer
}

/** ArrayBuffer.prototype.resize, which the compiler's library does not know yet. */
export function resize(buffer: ArrayBuffer, length: number): void {
  (Reflect.get(buffer, 'resize') as (this: ArrayBuffer, length: number) => void).call(buffer, length)
}

const buffers: Record<string, Builder> = {
  'buffer-empty': () => bufferOf(''),
  'buffer': () => bufferOf('0001feff'),
  'buffer-resizable': () => bufferOf('0102030405060708', 16),
  'buffer-resizable-empty': () => bufferOf('', 8),
  'buffer-resizable-of-fixed-size': () => bufferOf('0102', 2),
  'buffer-twice-the-same-object': () => share(bufferOf('0102'), (buffer) => [buffer, buffer]),
  'buffers-that-are-equal': () => [bufferOf('0102'), bufferOf('0102')],
  'buffer-in-an-object': () => ({ a: { b: bufferOf('ff') } }),
  'views-that-share-a-buffer': () =>
    share(bufferOf('0000803f00000040'), (buffer) => [new Float32Array(buffer), new Uint8Array(buffer)]),
  'uint8arrays-that-share-a-buffer': () =>
    share(bufferOf('01020304'), (buffer) => [new Uint8Array(buffer, 0, 2), new Uint8Array(buffer, 2)]),
  'buffer-and-view-of-it': () => share(bufferOf('01020304'), (buffer) => [buffer, new Uint8Array(buffer)]),
  'uint8array-with-an-offset-and-its-buffer': () =>
    share(bufferOf(COUNT_8), (buffer) => [new Uint8Array(buffer, 2, 3), buffer]),
  'uint8array-twice-the-same-object': () => share(fromHex('0102'), (bytes) => [bytes, bytes]),
  'int8array-twice-the-same-object': () => share(new Int8Array([1, 2]), (view) => [view, view]),
  'view-of-a-resizable-buffer': () => new Uint8Array(bufferOf(COUNT_8, 16), 2, 3),
  'view-that-follows-its-buffer': () => new Uint8Array(bufferOf(COUNT_8, 16)),
  'view-that-follows-its-buffer-from-an-offset': () => new Int16Array(bufferOf(COUNT_8, 16), 2),
  'dataview-that-follows-its-buffer': () => new DataView(bufferOf(COUNT_8, 16), 3),
  'resizable-buffer-and-view-that-follows-it': () =>
    share(bufferOf('01020304', 16), (buffer) => ({ buffer, view: new Uint8Array(buffer) })),
  'three-buffers-and-five-views': () => {
    const view = new Int16Array(bufferOf('01000200'))
    return [fromHex('aabb'), view, { a: fromHex('cc'), b: new DataView(view.buffer, 1, 3) }, view]
  },
}

const views: Record<string, Builder> = {
  'int8array': () => new Int8Array(bufferOf(NUMBERS)),
  'uint8clampedarray': () => new Uint8ClampedArray(bufferOf(NUMBERS)),
  'int16array': () => new Int16Array(bufferOf(NUMBERS)),
  'uint16array': () => new Uint16Array(bufferOf(NUMBERS)),
  'int32array': () => new Int32Array(bufferOf(NUMBERS)),
  'uint32array': () => new Uint32Array(bufferOf(NUMBERS)),
  'bigint64array': () => new BigInt64Array(bufferOf(NUMBERS)),
  'biguint64array': () => new BigUint64Array(bufferOf(NUMBERS)),
  'uint8array': () => fromHex('0001feff'),
  'uint8array-empty': () => new Uint8Array(),
  'float16array': () => {
    const Float16 = Reflect.get(globalThis, 'Float16Array') as (new (numbers: number[]) => unknown) | undefined
    return Float16 === undefined ? UNBUILT : new Float16([1, -2, 0, -0])
  },
  'float32array': () => new Float32Array([1.5, -0, 2]),
  'float64array': () => new Float64Array([1.5, -0]),
  'float64array-with-nan-and-infinity': () => new Float64Array([NaN, -Infinity]),
  'dataview': () => new DataView(bufferOf('00010203')),
  'dataview-at-an-odd-offset': () => new DataView(bufferOf('00010203'), 1, 2),
  'dataview-empty-at-the-end': () => new DataView(bufferOf('00010203'), 4),
  'int16array-with-an-offset': () => new Int16Array(bufferOf('000102030405060708090a0b0c0d0e0f'), 4, 2),
  'float64array-empty': () => new Float64Array(),
  'uint32array-empty-at-the-end': () => new Uint32Array(bufferOf('000102030405060708090a0b0c0d0e0f'), 16),
}

export const NATIVE_BUFFERS: Readonly<Record<string, Builder>> = { ...buffers, ...views }
