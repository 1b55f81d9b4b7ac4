/** The types of the bundled packages that bring none, as far as they are used. Never shipped. */
declare module 'url/' {
  interface Parsed {
    readonly protocol: string | null
    readonly host: string | null
    readonly hostname: string | null
    readonly pathname: string | null
    readonly search: string | null
    readonly query: string | Readonly<Record<string, string | string[]>> | null
    readonly hash: string | null
    readonly href: string
  }
  export const Url: new () => Parsed
  export function parse(url: string, parseQueryString?: boolean, slashesDenoteHost?: boolean): Parsed
  export function format(url: object | string): string
  export function resolve(from: string, to: string): string
  export function resolveObject(from: string, to: string): Parsed
}
