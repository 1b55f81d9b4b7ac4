/** What `../web-view.js` is to the playground's files: the built element, with the types of its source. */
export * from '../../../../js-client/src/web-view/index.js'
