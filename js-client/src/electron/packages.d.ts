/** Types of bundled packages that have none, as far as they are used. Not shipped. */
declare module 'url/url.js' {
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
  const url: {
    readonly Url: new () => Parsed
    parse(url: string, parseQueryString?: boolean, slashesDenoteHost?: boolean): Parsed
    format(url: object | string): string
    resolve(from: string, to: string): string
    resolveObject(from: string, to: string): Parsed
  }
  export default url
}
