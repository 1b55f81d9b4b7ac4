/**
 * Reads what the document itself says. An element hides a property of the document that has the element's name
 * (`<img name=currentScript>`), so injected HTML without a script could choose the server, or a script to run. The
 * getters of the prototype cannot be hidden.
 */

/** @returns the value of a property of the prototype; undefined where there is no document (a worker, Node) */
export function ofDocument<Name extends keyof Document>(name: Name): Document[Name] | undefined {
  return typeof document === 'undefined' ? undefined : Reflect.get(Document.prototype, name, document)
}

/** `document.createElement`. */
export function createElement<Name extends keyof HTMLElementTagNameMap>(name: Name): HTMLElementTagNameMap[Name] {
  const create = ofDocument('createElement') as (this: Document, name: Name) => HTMLElementTagNameMap[Name]
  return create.call(document, name)
}

/**
 * The content of a `<meta>` of the page itself. One outside the head does not count: HTML that is injected into the
 * body cannot get into the head.
 */
export function headMeta(name: string): string | undefined {
  return ofDocument('head')?.querySelector<HTMLMetaElement>(`meta[name=${name}]`)?.content
}

/** Whether this page's Permissions-Policy forbids a feature. Only Chromium tells; a worker has no such policy. */
export function forbids(feature: string): boolean {
  return (ofDocument('featurePolicy' as 'hidden') as unknown as Policy | undefined)?.allowsFeature(feature) === false
}

interface Policy { allowsFeature(name: string): boolean }
