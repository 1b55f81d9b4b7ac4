/** The page's global object, as `contextBridge` uses it: an exposed API becomes a read-only global. */
import { descriptor } from '../core/clone/skeleton.js'

export class MainWorld {
  protected readonly world: object

  /** @param world - the object on which the globals are defined */
  constructor(world: object = globalThis) {
    this.world = world
  }

  /**
   * Whether the global object or a prototype has the key. Elements with this id do not count: otherwise injected HTML
   * could have an API refused.
   */
  isTaken(key: string): boolean {
    for (let each: object | null = this.world; each; each = Object.getPrototypeOf(each) as object | null) {
      const isOfElements = Object.prototype.toString.call(each) === '[object WindowProperties]'
      if (!isOfElements && Object.hasOwn(each, key)) return true
    }
    return false
  }

  /** Makes a value a global that can be neither changed nor removed. */
  define(key: string, value: unknown): void {
    const rules = descriptor({ value, enumerable: true, writable: false, configurable: false })
    Reflect.defineProperty(this.world, key, rules)
  }
}
