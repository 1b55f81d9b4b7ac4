/**
 * What a sandboxed preload script of Electron finds as `process`, as far as a browser can tell it. Only preload scripts
 * get it: a page with a global of this name would be taken for Node by half of its packages.
 */
import { EventEmitter } from '../channels/emitter.js'
import { VERSION } from '../version.js'

/** The release of Electron whose IPC this is, and the Node that it carries. Neither is there; programs compare them. */
const FOLLOWED = { electron: '43.0.0', node: '24.0.0' }

/** Beginnings of what browsers call their systems, and what Node calls them; iPhones and iPads say so themselves. */
const PLATFORMS: readonly (readonly [RegExp, string])[] = [
  [/^win/i, 'win32'],
  [/^(mac|iphone|ipad|ipod|ios)/i, 'darwin'],
  [/^(android|linux (arm|aarch))/i, 'android'],
]

interface Described extends Pick<Navigator, 'platform' | 'userAgent'> {
  readonly userAgentData?: { readonly platform?: string }
}

/** Where there is no browser, nothing is said of one. */
const NOBODY: Described = { platform: '', userAgent: '' }
const described = (globalThis as { navigator?: Described }).navigator ?? NOBODY

class Process extends EventEmitter {
  static override readonly name = 'Process'

  readonly type = 'renderer'
  readonly sandboxed = true
  readonly contextIsolated = true
  readonly isMainFrame = isMainFrame()
  readonly platform = platformOf(described)
  readonly arch = 'x64'
  readonly pid = 0
  readonly argv: readonly string[] = []
  readonly execPath = '/'
  readonly env: Record<string, string> = {}
  readonly versions: Readonly<Record<string, string>> = {
    ...FOLLOWED, chrome: chromeOf(described.userAgent), webipc: VERSION,
  }
  readonly version = `v${FOLLOWED.node}`

  readonly nextTick = (callback: (...args: unknown[]) => void, ...args: unknown[]): void => {
    queueMicrotask(() => { callback(...args) })
  }

  readonly cwd = (): string => '/'
  readonly uptime = (): number => performance.now() / 1000
}

export function makeProcess(): Process {
  return new Process()
}

/** The name of the system as Node has it: `win32`, `darwin`, `android`, else `linux`. */
export function platformOf(navigator: Described): string {
  if (/android/i.test(navigator.userAgent)) return 'android'
  // Where the new property is, the old one may say anything.
  const told = navigator.userAgentData?.platform ?? navigator.platform
  return PLATFORMS.find(([beginning]) => beginning.test(told))?.[1] ?? 'linux'
}

/** The version of Chromium, `0.0.0` in another engine. */
export function chromeOf(userAgent: string): string {
  return /\bChrom(?:e|ium)\/(\d[\d.]*)/.exec(userAgent)?.[1] ?? '0.0.0'
}

function isMainFrame(): boolean {
  return typeof window === 'undefined' || window.top === window
}
