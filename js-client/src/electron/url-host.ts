/** The function of punycode that the package `url` uses, by the browser's URL. The build substitutes this file. */

/** Converts a host name to ASCII. An invalid one is returned unchanged. */
export function toASCII(host: string): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : host
}
