/**
 * The module `url`: the browser's classes, and the legacy functions of the package that Electron uses as well. Its
 * dependencies are replaced by url-query.ts and url-host.ts.
 */
import legacy from 'url/url.js'

export const url = { ...legacy, URL, URLSearchParams }
