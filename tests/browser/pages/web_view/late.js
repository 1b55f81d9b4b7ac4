// Loads the client only when its frame has loaded everything, and said its first words to nobody.
const [frame] = document.getElementsByTagName('iframe')
const look = async () => {
  if (frame.contentWindow.ipcRenderer) await import('/ipc/client.js')
  else setTimeout(look, 10)
}
look()
