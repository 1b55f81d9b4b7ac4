/**
 * The two functions that the package `url` asks of a query string package, over the browser's own URLSearchParams. The
 * build puts this file in that package's place.
 */

type Query = Record<string, string | string[]>

/** A key that comes more than once has an array. */
export function parse(text: string): Query {
  const query = Object.create(null) as Query
  for (const [key, value] of new URLSearchParams(text)) {
    const there = query[key]
    query[key] = there === undefined ? value : [there, value].flat()
  }
  return query
}

/** @param options - as the package passes them: `addQueryPrefix` asks for a `?` before a text that is not empty */
export function stringify(query: Record<string, unknown>, options: { addQueryPrefix?: boolean } = {}): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    [value].flat().map((each) => `${encodeURIComponent(key)}=${encodeURIComponent(plain(each))}`))
  return pairs.length > 0 && options.addQueryPrefix ? `?${pairs.join('&')}` : pairs.join('&')
}

/** As Node: what is neither a text nor a number nor a boolean says nothing. */
function plain(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}
