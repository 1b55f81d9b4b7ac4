/** The modules of Electron that no browser has: importable, and an error when they are used. */
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { describe, it } from 'node:test'
import electron, * as named from '../../src/electron/index.js'
import { ipcRenderer } from '../../src/index.js'

const MISSING = [
  'clipboard', 'crashReporter', 'desktopCapturer', 'nativeImage', 'sharedTexture', 'shell', 'webFrame', 'webUtils',
] as const

describe('the electron module', () => {
  it('has the one ipcRenderer of the document', () => {
    assert.equal(named.ipcRenderer, ipcRenderer)
    assert.equal(electron.ipcRenderer, ipcRenderer)
  })

  it('exports by name what its default export has', () => {
    const { default: all, ...rest } = named
    assert.deepEqual(Object.keys(rest).sort(), Object.keys(all).sort())
  })

  it('has what a browser lacks, and throws when it is used, saying what to do instead', () => {
    for (const name of MISSING) {
      const missing = electron[name] as Record<string, unknown>
      assert.throws(() => missing['doSomething'], (error: Error & { used: string, instead: string }) => {
        assert.equal(error.used, `${name}.doSomething`)
        assert.ok(error.message.endsWith(error.instead) && error.instead.length > 10)
        return true
      })
      assert.throws(() => missing['x'], { name: 'NotInBrowserError', code: 'not-in-a-browser' })
    }
  })

  it('lets what a browser lacks be awaited, printed, copied and exposed', async () => {
    const { webFrame } = electron as { webFrame: object }
    assert.equal(await Promise.resolve(webFrame), webFrame)
    assert.equal(JSON.stringify({ webFrame, ...webFrame }), '{"webFrame":{}}')
    assert.equal(typeof inspect(webFrame), 'string')
    const world: { api?: unknown } = {}
    electron.contextBridge.executeInMainWorld({ func: () => Object.assign(world, { api: { webFrame } }) })
    assert.deepEqual(world.api, { webFrame })
  })
})
