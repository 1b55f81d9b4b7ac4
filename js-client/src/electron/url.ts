/**
 * The module `url`: the browser's own classes, and the functions of before them from the package that Electron puts
 * there as well. What that package itself needs is in url-query.ts and url-host.ts.
 */
import legacy from 'url/url.js'

export const url = { ...legacy, URL, URLSearchParams }
