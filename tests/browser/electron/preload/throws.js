require('electron').contextBridge.exposeInMainWorld('before', 1)
require('fs').readFileSync(__filename)
require('electron').contextBridge.exposeInMainWorld('after', 1)
