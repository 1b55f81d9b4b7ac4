/**
 * The modules that Electron gives a renderer and a browser does not have. Each is exported, so that a script which
 * imports it loads. Using it throws an error that names the replacement. The names are those of `ElectronModule` in
 * types.ts.
 */
import { WebipcError } from '../core/errors.js'
import type { ElectronModule } from './types.js'

/** A script has used a module of Electron that a browser does not have. */
export class NotInBrowserError extends WebipcError {
  override readonly name = 'NotInBrowserError'
  override readonly code = 'not-in-a-browser'
  declare readonly used: string
  declare readonly instead: string
  /** @param used such as `webFrame.setZoomFactor`; @param instead the replacement, as a sentence */
  constructor(used: string, instead: string) {
    super(`electron's ${used} is not available in a browser. ${instead}`, { used, instead })
  }
}

/** Properties that are read of any object without using it: by `await`, JSON, bundlers and debuggers. */
const HARMLESS: ReadonlySet<string> = new Set([
  'then', 'toJSON', 'toString', 'valueOf', 'constructor', '__esModule', 'default',
])

type Missing = Omit<ElectronModule, 'ipcRenderer' | 'contextBridge'>

const INSTEAD: Readonly<Record<keyof Missing, string>> = {
  clipboard: 'Use navigator.clipboard.',
  crashReporter: "Listen to the window's error event, and send what it says to the main process.",
  desktopCapturer: 'Use navigator.mediaDevices.getDisplayMedia(), which asks the user.',
  nativeImage: 'Use a Blob, an ImageBitmap or a canvas.',
  sharedTexture: 'Use a canvas, a VideoFrame or WebGPU.',
  shell: 'Use window.open() for an address, and a handler in the main process for its files.',
  webFrame: 'Zoom and style sheets belong to the page (CSS) and to its user; scripts run by <script>.',
  webUtils: 'A page does not learn the path of a file: read the File, and send its bytes.',
}

export const missing = Object.fromEntries(
  Object.entries(INSTEAD).map(([name, instead]) => [name, missingModule(name, instead)]),
) as unknown as Missing

function missingModule(name: string, instead: string): object {
  return new Proxy(Object.freeze({}), {
    get(target, property): unknown {
      if (typeof property === 'symbol' || HARMLESS.has(property)) return Reflect.get(target, property)
      throw new NotInBrowserError(`${name}.${property}`, instead)
    },
  })
}
