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
    // What a guard says, such as "only editors may change the board".
    $('message').textContent = error.detail ?? error.message
  }
}

function show(notices) {
  $('list').replaceChildren(...notices.map(({ id, author, text }) => {
    const item = element('li', { textContent: `${author}: ${text}` })
    item.append(element('button', { textContent: '×', ariaLabel: `Remove ${text}`, onclick: () => call('notices:remove', id) }))
    return item
  }))
}

async function begin() {
  const user = await call('me')
  if (user) $('who').textContent = `${user.name}, ${user.role}`
  show((await call('notices')) ?? [])
}

function follow() {
  const { state, code, reason } = connection
  // Refused: no session, or one that has ended.
  const isOut = state === 'closed' && code === 4401
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
