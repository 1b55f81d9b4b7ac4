/** What `../client.js` is to the playground's files: the built client, with the types of its source. */
export * from '../../../../js-client/src/index.js'
