/**
 * Lets TypeScript resolve `import … from 'electron'` if that package is not installed. In a tsconfig:
 * `"types": ["webipc/electron-module"]`. Do not use it with the `electron` package, which declares the same module.
 */
declare module 'electron' {
  export * from 'webipc/electron'
  export { default } from 'webipc/electron'
}

declare module 'electron/renderer' {
  export * from 'webipc/electron'
  export { default } from 'webipc/electron'
}

declare module 'electron/common' {
  export * from 'webipc/electron'
  export { default } from 'webipc/electron'
}

declare namespace Electron {
  type ContextBridge = import('webipc/electron').ContextBridge
  type IpcRenderer = import('webipc/electron').IpcRenderer
  type IpcRendererEvent = import('webipc/electron').IpcRendererEvent
}
