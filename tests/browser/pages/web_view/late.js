// Loads the client only after its frame has loaded completely and has sent its first messages, which no host received.
const [frame] = document.getElementsByTagName('iframe')
const look = async () => {
  if (frame.contentWindow.ipcRenderer) await import('/ipc/client.js')
  else setTimeout(look, 10)
}
look()
