/**
 * Makes the browser run further script files right after the current one, before the page's own scripts: the parser
 * gets them as if they followed in the document. No other way makes the page's scripts wait for a file that is not
 * loaded. The address of each part is that of the current script with `part=0`, `part=1` and so on.
 *
 * Injected HTML must not choose that address: own-document.ts says why the running script is asked for in this way.
 */
import { createElement, ofDocument } from '../page/own-document.js'

type Rules = Readonly<Record<'createHTML' | 'createScriptURL', (text: string) => string>>

/** The browser's Trusted Types, which a page may require; TypeScript's declarations lack it. */
interface TrustedTypes { createPolicy(name: string, rules: Rules): Rules }

/**
 * @param count - of the parts, which run in order
 * @param server - the address of the server, for a script that does not know its own: a module
 */
export function runNext(count: number, server: string | undefined): void {
  const own = ofDocument('currentScript') as HTMLScriptElement | null ?? scriptAt(`${server}/preload.js`)
  const addresses = Array.from({ length: count }, (_, part) => partOf(own.src, part))
  const parts: HTMLScriptElement[] = []
  const policy = onlyPassing(addresses, () => markupOf(parts))
  parts.push(...addresses.map((address) => makePart(own, policy.createScriptURL(address))))
  const behind = own.nextSibling
  write(policy.createHTML(markupOf(parts)))
  // `document.write` did nothing if the parser is further on (`defer`, `async`, a module). Then they run when loaded.
  if (own.nextSibling === behind) own.after(...parts)
}

/** The script element with this address. Another site's script of the same name must not be taken for it. */
function scriptAt(address: string): HTMLScriptElement {
  const found = Array.from(ofDocument('scripts') ?? []).find(({ src }) => src.split(/[?#]/, 1)[0] === address)
  if (!found) throw new Error(`expected <script src="${address}"> with the preload scripts, found none`)
  return found
}

function partOf(script: string, part: number): string {
  const address = new URL(script)
  address.searchParams.set('part', String(part))
  return address.href
}

/** The page's Trusted Types policy `webipc`: it passes these addresses, and this markup, and throws for others. */
function onlyPassing(addresses: readonly string[], markup: () => string): Rules {
  const pass = (text: string, passes: boolean): string => {
    if (!passes) throw new TypeError(`expected a part of the preload script, got ${text}`)
    return text
  }
  const rules: Rules = {
    createScriptURL: (address) => pass(address, addresses.includes(address)),
    createHTML: (text) => pass(text, text === markup()),
  }
  // An own property, because an element with this id is a property of every window without Trusted Types.
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }
  return Object.hasOwn(globalThis, 'trustedTypes') && trustedTypes ? trustedTypes.createPolicy('webipc', rules) : rules
}

function makePart(own: HTMLScriptElement, address: string): HTMLScriptElement {
  const script = createElement('script')
  script.src = address
  script.async = false
  // The page's policy checks the nonce, which is an attribute because the property is not serialized. `crossOrigin`
  // makes errors of another origin readable.
  if (own.nonce) script.setAttribute('nonce', own.nonce)
  script.crossOrigin = own.crossOrigin
  return script
}

function markupOf(parts: readonly HTMLScriptElement[]): string {
  return parts.map(({ outerHTML }) => outerHTML).join('')
}

function write(markup: string): void {
  try {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- it blocks the page, which is the aim here
    Document.prototype.write.call(document, markup)
  } catch {
    // An XML document has no `write`.
  }
}
