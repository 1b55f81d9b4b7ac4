/**
 * Has the browser run the parts of the script that runs now before anything else of the page: the parser is given them
 * as if they stood behind it. Nothing else makes a page's own scripts wait for a script that is not there yet.
 *
 * Knows nothing of what is in the parts; their addresses are that of the script with `part=0`, and so on.
 */

type Rules = Readonly<Record<'createHTML' | 'createScriptURL', (text: string) => string>>

/** A guard of what makes scripts of a text, which a page may switch on; TypeScript's declarations lack it. */
interface TrustedTypes { createPolicy(name: string, rules: Rules): Rules }

/** @param count - of the parts, which run in their order */
export function runNext(count: number): void {
  // A module is not told which script it is.
  const own = (document.currentScript ?? document.querySelector('script[src*="/preload.js"]')) as HTMLScriptElement
  const policy = policyHere()
  const parts = Array.from({ length: count }, (_, part) => makePart(own, part, policy))
  const behind = own.nextSibling
  write(policy.createHTML(parts.map(({ outerHTML }) => outerHTML).join('')))
  // Nothing was written where the parser is further on (`defer`, `async`, a module): then they run when they are there.
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
  // By these a page's policy knows the script, and an error of another origin is told in full. The attribute, because
  // the property is not written out.
  if (own.nonce) script.setAttribute('nonce', own.nonce)
  script.crossOrigin = own.crossOrigin
  return script
}

function write(markup: string): void {
  try {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- what it is blamed for, to block the page, is the aim
    document.write(markup)
  } catch {
    // A document of XML cannot be written to.
  }
}
