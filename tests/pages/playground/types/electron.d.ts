/** What `../electron.js` is to the playground's files: loaded for what it does to ports, used for nothing else. */
export {}
