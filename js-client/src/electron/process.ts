/**
 * The `process` of a sandboxed preload script, as far as a browser can provide it. Only preload scripts get it: with a
 * global of this name, many packages would mistake the page for Node.
 */
import { EventEmitter } from '../channels/emitter.js'
import { VERSION } from '../version.js'
import { ProcessMeasures } from './process-measures.js'

/** The Electron release whose IPC is implemented, and its Node version. Programs compare them; neither is present. */
const FOLLOWED = { electron: '43.0.0', node: '24.0.0' }

/** How browsers name their platform, and Node's name for it. */
const PLATFORMS: readonly (readonly [RegExp, string])[] = [
  [/^win/i, 'win32'],
  [/^(mac|iphone|ipad|ipod|ios)/i, 'darwin'],
  [/^(android|linux (arm|aarch))/i, 'android'],
]

interface Described extends Pick<Navigator, 'platform' | 'userAgent'> {
  readonly userAgentData?: { readonly platform?: string }
}

/** Used if there is no browser. */
const NO_NAVIGATOR: Described = { platform: '', userAgent: '' }
const described = (globalThis as { navigator?: Described }).navigator ?? NO_NAVIGATOR

class Process extends EventEmitter {
  static override readonly name = 'Process'

  readonly type = 'renderer'
  readonly sandboxed = true
  readonly contextIsolated = true
  readonly isMainFrame = isMainFrame()
  /** Identifies this document's globals. */
  readonly contextId = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join('')
  readonly platform = platformOf(described)
  readonly arch = 'x64'
  readonly pid = 0
  /** What the application gives its preload scripts (`IpcMain(additional_arguments=...)`). */
  readonly argv: string[] = []
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

export function makeProcess(): Process & ProcessMeasures {
  return Object.assign(new Process(), new ProcessMeasures())
}

/** Node's name of the platform: `win32`, `darwin`, `android`, else `linux`. */
export function platformOf(navigator: Described): string {
  if (/android/i.test(navigator.userAgent)) return 'android'
  // If the new property exists, the old one is unreliable.
  const told = navigator.userAgentData?.platform ?? navigator.platform
  return PLATFORMS.find(([beginning]) => beginning.test(told))?.[1] ?? 'linux'
}

/** The version of Chromium, `0.0.0` in another engine. */
export function chromeOf(userAgent: string): string {
  return /Chrom(?:e|ium)\/(\d[\d.]*)/.exec(userAgent)?.[1] ?? '0.0.0'
}

function isMainFrame(): boolean {
  return typeof window === 'undefined' || window.top === window
}
