/** Where the page finds its server, and the addresses of the server's endpoints. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { beaconAddress, findAddress, socketAddress } from '../../src/page/server-address.js'

describe('the address', () => {
  const globals = globalThis as {
    location?: unknown, origin?: unknown, document?: unknown, Document?: unknown, webipc?: unknown,
  }
  function page(href: string | undefined, meta?: string): void {
    globals.location = href === undefined ? undefined : new URL(href)
    globals.origin = href === undefined ? undefined : new URL(href).origin
    const head = { querySelector: () => meta === undefined ? null : { content: meta } }
    // The getters are the prototype's. What the object itself has is what elements with these names are to a page.
    globals.Document = { prototype: { baseURI: href, head } }
    globals.document = { baseURI: 'https://evil.example/', head: { querySelector: () => ({ content: '/evil' }) } }
  }
  afterEach(() => {
    for (const name of ['location', 'origin', 'document', 'Document', 'webipc']) Reflect.deleteProperty(globals, name)
  })

  test("the address in the page's meta element wins, relative or at another origin", () => {
    page('https://app.example/a/b.html', '/x/ipc')
    assert.equal(findAddress('https://app.example/ipc/client.js'), 'https://app.example/x/ipc')
    page('https://app.example/a/b.html', 'c/ipc/')
    assert.equal(findAddress(undefined), 'https://app.example/a/c/ipc')
    page('file:///home/me/page.html', 'http://127.0.0.1:8000/ipc')
    assert.equal(findAddress('file:///home/me/client.js'), 'http://127.0.0.1:8000/ipc')
  })
  test('the folder of a script that the server served is the address, also for a page from elsewhere', () => {
    page('https://app.example/')
    assert.equal(findAddress('https://api.example/root/ipc/client.js?v=1'), 'https://api.example/root/ipc')
    page('file:///home/me/page.html')
    assert.equal(findAddress('http://127.0.0.1:8000/ipc/client.global.js'), 'http://127.0.0.1:8000/ipc')
  })
  test('the address of a bundled script is ignored', () => {
    page('http://app.example:8080/deep/page')
    for (const script of ['http://app.example:8080/assets/index-a1b2.js', 'file:///app/client.js', '', undefined]) {
      assert.equal(findAddress(script), 'http://app.example:8080/ipc')
    }
  })
  test('a page from a file, and a program outside the browser, have none', () => {
    page('file:///home/me/page.html')
    assert.equal(findAddress(undefined), undefined)
    page(undefined)
    assert.equal(findAddress(undefined), undefined)
  })
  test('a bundled client in a page or worker without an address of its own uses its origin', () => {
    page('https://app.example/')
    for (const href of ['about:srcdoc', 'blob:https://app.example/550e8400-e29b-41d4-a716-446655440000']) {
      globals.location = new URL(href)
      assert.equal(findAddress(href), 'https://app.example/ipc')
    }
  })
  test('the address in `globalThis.webipc.server` wins, and is the way for a worker', () => {
    page('https://app.example/', '/x/ipc')
    globals.webipc = { server: 'https://api.example/ipc/' }
    assert.equal(findAddress('https://app.example/ipc/client.js'), 'https://api.example/ipc')
    Reflect.deleteProperty(globals, 'document')
    globals.origin = 'null'
    assert.equal(findAddress(undefined), 'https://api.example/ipc')
  })
  test('a program outside the browser that has given itself a location has its origin', () => {
    page('http://127.0.0.1:8000/')
    globals.origin = undefined
    assert.equal(findAddress(undefined), 'http://127.0.0.1:8000/ipc')
  })
  test('an element that is named `webipc` chooses no server', () => {
    page('https://app.example/')
    globals.webipc = { server: { toString: () => 'https://evil.example/ipc' } }
    assert.equal(findAddress(undefined), 'https://app.example/ipc')
  })
  test('an invalid address is none', () => {
    page('https://app.example/', 'ftp://app.example/ipc')
    assert.equal(findAddress(undefined), undefined)
    page('https://app.example/', 'https://')
    assert.equal(findAddress(undefined), undefined)
  })
  test('the endpoints', () => {
    assert.equal(socketAddress('https://a/ipc', 1), 'wss://a/ipc/socket')
    assert.equal(socketAddress('http://a:1/ipc', 12), 'ws://a:1/ipc/socket/12')
    assert.equal(beaconAddress('https://a/ipc'), 'https://a/ipc/beacon')
  })
})
