// The first act of this document, while the one around it cannot even open its socket: the browser has one thread.
window.answer = window.webipc.ipcRenderer.sendSync('who', location.pathname)
