'use strict'
// A preload script that uses globals of its own under the keys that it exposes, as electron-log's does, and measures its
// process to begin with, as Mattermost's does.
const { contextBridge, ipcRenderer } = require('electron')

process.getCPUUsage()
ipcRenderer.on('measure', async () => ({ memory: await process.getProcessMemoryInfo(), cpu: process.getCPUUsage() }))

const api = { level: 'info', argv: process.argv }
contextBridge.exposeInMainWorld('__log', api)
if (typeof window === 'object') window.__log = { level: 'own' }

globalThis.early = { level: 'own' }
contextBridge.exposeInMainWorld('early', api)
contextBridge.exposeInMainWorld('chrome_version', process.versions.chrome)
