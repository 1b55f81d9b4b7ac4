import { ipcRenderer } from './ipc/client.js'

const { connection } = ipcRenderer
const $ = (id) => document.getElementById(id)

function show(prices) {
  const rows = Object.entries(prices).map(([name, price]) => {
    const row = document.createElement('tr')
    row.append(...[name, price.toFixed(2)].map((text) => Object.assign(document.createElement('td'), { textContent: text })))
    return row
  })
  $('prices').replaceChildren(...rows)
  $('empty').hidden = rows.length > 0
}

async function begin() {
  $('worker').textContent = await ipcRenderer.invoke('worker')
  show(await ipcRenderer.invoke('prices'))
  $('people').textContent = await ipcRenderer.invoke('people')
}

function follow() {
  $('state').textContent = connection.state
  if (connection.state === 'open') begin().catch((error) => { $('said').textContent = error.detail ?? error.message })
}

connection.on('state', follow)
follow()
ipcRenderer.on('prices', (event, prices) => show(prices))
ipcRenderer.on('said', (event, text) => { $('said').textContent = text })
$('say').addEventListener('submit', async (event) => {
  event.preventDefault()
  await ipcRenderer.invoke('say', $('text').value)
  $('text').value = ''
})
