/** The global object while preload scripts run: their own globals, and the exposed ones. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeContextBridge } from '../../src/electron/context-bridge.js'
import { PreloadWorld } from '../../src/electron/preload-world.js'
import { ipcRenderer } from '../../src/index.js'

type Globals = Record<string, unknown>

function started(globals: Globals = {}) {
  const world = new PreloadWorld(globals)
  const bridge = makeContextBridge(ipcRenderer, world)
  return { globals, world, expose: (key: string, api: unknown): void => { bridge.exposeInMainWorld(key, api) } }
}

const TAKEN = { message: 'Cannot bind an API on top of an existing property on the window object' }

function isReadOnly(globals: Globals, key: string): void {
  assert.throws(() => { globals[key] = 'written' }, TypeError)
  assert.equal(Reflect.deleteProperty(globals, key), false)
  const { writable, configurable, enumerable } = Object.getOwnPropertyDescriptor(globals, key) ?? {}
  assert.deepEqual([writable, configurable, enumerable], [false, false, true])
}

describe('while preload scripts run', () => {
  it('a write to an exposed key is ignored, also in strict mode', () => {
    const { globals, world, expose } = started()
    expose('log', { level: 1 })
    globals['log'] = { level: 2 }
    assert.deepEqual(globals['log'], { level: 1 })
    world.settle()
    assert.deepEqual(globals['log'], { level: 1 })
    isReadOnly(globals, 'log')
  })

  it('a global that a script has made does not take the key', () => {
    const { globals, world, expose } = started()
    globals['log'] = { level: 2 }
    expose('log', { level: 1 })
    world.settle()
    assert.deepEqual(globals['log'], { level: 1 })
    isReadOnly(globals, 'log')
  })

  it('a key is exposed once, and a global of the page takes it', () => {
    const { globals, expose } = started(Object.assign(Object.create({ inherited: 1 }) as Globals, { own: 1 }))
    expose('log', 1)
    for (const key of ['log', 'own', 'inherited']) assert.throws(() => { expose(key, 2) }, TAKEN)
    globals['own'] = 2
    assert.throws(() => { expose('own', 2) }, TAKEN)
  })

  it('what a script removes or redefines is what was exposed, for the page', () => {
    const { globals, world, expose } = started()
    for (const key of ['removed', 'redefined', 'fixed']) expose(key, 1)
    Reflect.deleteProperty(globals, 'removed')
    Object.defineProperty(globals, 'redefined', { value: 2, configurable: true })
    Object.defineProperty(globals, 'fixed', { value: 2, configurable: false })
    world.settle()
    assert.deepEqual([globals['removed'], globals['redefined'], globals['fixed']], [1, 1, 2])
  })
})

it('what is exposed later is read-only at once, and nobody makes a key free', () => {
  const { globals, world, expose } = started()
  world.settle()
  expose('late', 1)
  isReadOnly(globals, 'late')
  globals['page'] = 1
  assert.throws(() => { expose('page', 2) }, TAKEN)
})
