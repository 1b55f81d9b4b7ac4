webipc.ipcRenderer.sendToHost('loading', document.readyState)
