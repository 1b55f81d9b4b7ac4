/** What the package `url` asks of a punycode package, by the browser's URL. The build puts this file in its place. */

/** The name of a host in ASCII; what is no name of a host stays as it is. */
export function toASCII(host: string): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : host
}
