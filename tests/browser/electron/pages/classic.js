// As in an application with nodeIntegration.
const { ipcRenderer } = require('electron')
const { URL: NodeURL, parse } = require('node:url')

window.count = ipcRenderer.invoke('shop:count', 'tea')
window.host = [new NodeURL('https://a.example/').host, parse('https://a.example/').host]
