import { ipcRenderer } from '/ipc/client.js'

const { connection } = ipcRenderer
const $ = (id) => document.getElementById(id)
const element = (tag, properties) => Object.assign(document.createElement(tag), properties)
const post = (path, body) => fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

async function call(channel, ...args) {
  try {
    $('message').textContent = ''
    return await ipcRenderer.invoke(channel, ...args)
  } catch (error) {
    $('message').textContent = error.detail ?? error.message // what a guard says: "only editors may change the board"
  }
}

let shown = 0

function show(notices) {
  shown += 1
  $('list').replaceChildren(...notices.map(({ id, author, text }) => {
    const item = element('li', { textContent: `${author}: ${text}` })
    item.append(element('button', { textContent: '×', ariaLabel: `Remove ${text}`, onclick: () => call('notices:remove', id) }))
    return item
  }))
}

async function begin() {
  const user = await call('me')
  if (user) $('who').textContent = `${user.name}, ${user.role}`
  const before = shown, notices = await call('notices')
  if (shown === before) show(notices ?? []) // otherwise it was sent a newer list meanwhile
}

function follow() {
  const { state, code, reason } = connection
  const isOut = state === 'closed' && code === 4401 // refused: no session, or one that has ended
  $('login').hidden = !isOut
  $('board').hidden = state !== 'open'
  if (isOut) show([])
  if (state === 'open') begin()
  else $('message').textContent = isOut ? reason : 'Connecting …'
}

connection.on('state', follow)
ipcRenderer.on('notices', (event, notices) => show(notices))

$('login').addEventListener('submit', async (event) => {
  event.preventDefault()
  const response = await post('/login', { name: $('name').value, password: $('password').value })
  $('password').value = ''
  if (response.ok) connection.open()
  else $('message').textContent = (await response.json()).detail
})
$('logout').addEventListener('click', () => post('/logout'))
$('write').addEventListener('submit', async (event) => {
  event.preventDefault()
  await call('notices:add', $('text').value)
  $('text').value = ''
})
