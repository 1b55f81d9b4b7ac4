require('electron').contextBridge.exposeInMainWorld('before', 1)

const unfinished = [1, 2
require('electron').contextBridge.exposeInMainWorld('after', 1)
