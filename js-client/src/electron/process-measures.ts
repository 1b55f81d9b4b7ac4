/**
 * What Electron's `process` says of a renderer's memory, time and system, as far as a browser measures it. Anything
 * else throws when it is used, and says what to do: a preload script that only mentions it runs.
 */
import { NotInBrowserError } from './missing.js'

/** Only in Chromium. In bytes. */
interface Heap { readonly totalJSHeapSize: number, readonly usedJSHeapSize: number, readonly jsHeapSizeLimit: number }

/** How browsers write the version of the system into their user agent. Linux is without one. */
const SYSTEM_VERSION = /(?:Windows NT|Mac OS X|Android|CPU (?:iPhone )?OS) (\d+(?:[._]\d+)*)/

const MEASURE = 'Measure with the performance API, or ask the main process.'

export class ProcessMeasures {
  #cpuAsked = false

  /** The first call returns 0, as in Electron, where programs make it to begin with. */
  readonly getCPUUsage = (): { percentCPUUsage: number, idleWakeupsPerSecond: number } => {
    if (this.#cpuAsked) throw missing('getCPUUsage', 'Observe long tasks with a PerformanceObserver.')
    this.#cpuAsked = true
    return { percentCPUUsage: 0, idleWakeupsPerSecond: 0 }
  }

  /** In milliseconds since 1970. */
  readonly getCreationTime = (): number => performance.timeOrigin

  /** In KiB. What Chromium does not tell a page is 0. */
  readonly getHeapStatistics = (): Record<string, number | boolean> => {
    const { memory } = performance as { memory?: Heap }
    if (!memory) throw missing('getHeapStatistics', MEASURE)
    const { totalJSHeapSize: total, usedJSHeapSize: used, jsHeapSizeLimit: limit } = memory
    return {
      totalHeapSize: inKib(total),
      totalHeapSizeExecutable: 0,
      totalPhysicalSize: inKib(total),
      totalAvailableSize: inKib(limit - used),
      usedHeapSize: inKib(used),
      heapSizeLimit: inKib(limit),
      mallocedMemory: 0,
      peakMallocedMemory: 0,
      doesZapGarbage: false,
    }
  }

  readonly getBlinkMemoryInfo = (): never => { throw missing('getBlinkMemoryInfo', MEASURE) }

  readonly getProcessMemoryInfo = async (): Promise<never> => {
    const instead = 'Use performance.measureUserAgentSpecificMemory() in a page that is cross-origin isolated.'
    return Promise.reject(missing('getProcessMemoryInfo', instead))
  }

  readonly getSystemMemoryInfo = (): never => {
    throw missing('getSystemMemoryInfo', 'navigator.deviceMemory has an estimate of the total, in GiB.')
  }

  /** As the user agent has it: many browsers always write the same one. */
  readonly getSystemVersion = (): string => {
    const { navigator } = globalThis as { navigator?: Navigator }
    const version = systemVersionOf(navigator?.userAgent ?? '')
    if (version === undefined) throw missing('getSystemVersion', 'Read navigator.userAgent.')
    return version
  }

  readonly crash = (): never => { throw missing('crash', 'A page can only close itself: window.close().') }
  readonly hang = (): never => { throw missing('hang', 'A loop without an end does the same.') }
  readonly takeHeapSnapshot = (): never => { throw missing('takeHeapSnapshot', "Use the browser's developer tools.") }
}

/** The version of the system in a user agent, with dots; undefined if there is none. */
export function systemVersionOf(userAgent: string): string | undefined {
  return SYSTEM_VERSION.exec(userAgent)?.[1]?.replaceAll('_', '.')
}

function missing(name: string, instead: string): NotInBrowserError {
  return new NotInBrowserError(`process.${name}`, instead)
}

function inKib(bytes: number): number {
  return Math.floor(bytes / 1024)
}
