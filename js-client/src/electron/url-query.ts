/**
 * The two query string functions that the package `url` uses, by the browser's URLSearchParams. The build substitutes
 * this file for the query string package.
 */

type Query = Record<string, string | string[]>

/** Parses a query string. A repeated key has an array. */
export function parse(text: string): Query {
  const query = Object.create(null) as Query
  for (const [key, value] of new URLSearchParams(text)) {
    const there = query[key]
    query[key] = there === undefined ? value : [there, value].flat()
  }
  return query
}

/** @param options - as the package passes them; `addQueryPrefix` prepends `?` to a text that is not empty */
export function stringify(query: Record<string, unknown>, options: { addQueryPrefix?: boolean } = {}): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    [value].flat().map((each) => `${encodeURIComponent(key)}=${encodeURIComponent(plain(each))}`))
  return pairs.length > 0 && options.addQueryPrefix ? `?${pairs.join('&')}` : pairs.join('&')
}

/** As Node: any value but a string, number or boolean becomes an empty string. */
function plain(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}
