/**
 * Makes the browser run further script files right after the current one, before the page's own scripts: the parser
 * gets them as if they followed in the document. No other way makes the page's scripts wait for a file that is not
 * loaded. The address of each part is that of the current script with `part=0`, `part=1` and so on.
 */

type Rules = Readonly<Record<'createHTML' | 'createScriptURL', (text: string) => string>>

/** The browser's Trusted Types, which a page may require; TypeScript's declarations lack it. */
interface TrustedTypes { createPolicy(name: string, rules: Rules): Rules }

/** @param count - of the parts, which run in order */
export function runNext(count: number): void {
  // A module has no `currentScript`.
  const own = (document.currentScript ?? document.querySelector('script[src*="/preload.js"]')) as HTMLScriptElement
  const policy = policyHere()
  const parts = Array.from({ length: count }, (_, part) => makePart(own, part, policy))
  const behind = own.nextSibling
  write(policy.createHTML(parts.map(({ outerHTML }) => outerHTML).join('')))
  // `document.write` did nothing if the parser is further on (`defer`, `async`, a module). Then they run when loaded.
  if (own.nextSibling === behind) own.after(...parts)
}

function policyHere(): Rules {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }
  const rules: Rules = { createHTML: (text) => text, createScriptURL: (text) => text }
  return trustedTypes?.createPolicy('webipc', rules) ?? rules
}

function makePart(own: HTMLScriptElement, part: number, policy: Rules): HTMLScriptElement {
  const address = new URL(own.src)
  address.searchParams.set('part', String(part))
  const script = document.createElement('script')
  script.src = policy.createScriptURL(address.href)
  script.async = false
  // The page's policy checks the nonce, which is an attribute because the property is not serialized. `crossOrigin`
  // makes errors of another origin readable.
  if (own.nonce) script.setAttribute('nonce', own.nonce)
  script.crossOrigin = own.crossOrigin
  return script
}

function write(markup: string): void {
  try {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- it blocks the page, which is the aim here
    document.write(markup)
  } catch {
    // An XML document has no `write`.
  }
}
