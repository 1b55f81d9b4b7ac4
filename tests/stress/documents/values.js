// The values that travel under stress: each follows from its number. Twin: tests/stress/values.py.

export const LARGE = 1_500_000

export function bytesOf(number, size) {
  return Uint8Array.from({ length: size }, (_, index) => (number + index) % 251)
}

export function valueOf(number) {
  const shared = [number, 'shared']
  return {
    number,
    text: 'ä€𐍈'.repeat(number % 40),
    when: new Date((1_700_000_000 + number) * 1000),
    bytes: bytesOf(number, number % 50),
    both: [shared, shared],
  }
}

export function areBytesOf(number, size, value) {
  return value instanceof Uint8Array && value.length === size &&
    value.every((byte, index) => byte === (number + index) % 251)
}

export function isValueOf(number, value) {
  const { text, when } = valueOf(number)
  const [left, right] = value.both
  return value.number === number && value.text === text && value.when.getTime() === when.getTime() &&
    areBytesOf(number, number % 50, value.bytes) && left === right && left[0] === number && left[1] === 'shared'
}
