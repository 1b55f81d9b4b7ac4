/**
 * The global object while preload scripts run. In Electron they have a world of their own: what a script assigns to its
 * `window` has nothing to do with what it exposes under the same name. Here there is one `window`. So until the last
 * script has run, a write to an exposed key is ignored, and a global that a script has made does not take the key.
 */
import { descriptor } from '../core/clone/skeleton.js'
import { MainWorld } from './main-world.js'

export class PreloadWorld extends MainWorld {
  /** The page's own globals before the first script. */
  readonly #before: ReadonlySet<PropertyKey>
  readonly #exposed = new Map<string, unknown>()
  #running = true

  /** To be made before the first script runs. @param world - as of MainWorld */
  constructor(world: object = globalThis) {
    super(world)
    this.#before = new Set(Reflect.ownKeys(world))
  }

  override isTaken(key: string): boolean {
    return super.isTaken(key) && !this.#isOfScripts(key)
  }

  override define(key: string, value: unknown): void {
    if (!this.#running) {
      super.define(key, value)
      return
    }
    this.#exposed.set(key, value)
    // A script in strict mode would stop at a write to a property that is only read-only.
    const ignore = (): void => { /* The script's own global of this name, which the page does not see. */ }
    const rules = descriptor({ get: () => value, set: ignore, enumerable: true, configurable: true })
    Reflect.defineProperty(this.world, key, rules)
  }

  /** The scripts have run, and the page's follow: from now on, what is exposed is read-only. */
  settle(): void {
    this.#running = false
    for (const [key, value] of this.#exposed) super.define(key, value)
  }

  #isOfScripts(key: string): boolean {
    const { configurable } = Object.getOwnPropertyDescriptor(this.world, key) ?? {}
    return this.#running && configurable === true && !this.#before.has(key) && !this.#exposed.has(key)
  }
}
