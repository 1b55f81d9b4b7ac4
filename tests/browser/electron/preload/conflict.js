const { contextBridge } = require('electron')
const refused = []
for (const key of ['shop', 'location', 'toString', 'fine']) {
  try {
    contextBridge.exposeInMainWorld(key, key)
  } catch (error) {
    refused.push(`${key}: ${error}`)
  }
}
contextBridge.exposeInMainWorld('refused', refused)
