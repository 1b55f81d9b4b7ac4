import { ipcRenderer } from '/ipc/client.js'

const [form, input, list, left, message] = ['form', '#text', '#list', '#left', '#message'].map((it) => document.querySelector(it))

const element = (tag, properties) => Object.assign(document.createElement(tag), properties)

async function call(channel, ...args) {
  try {
    await ipcRenderer.invoke(channel, ...args)
    message.textContent = ''
    return true
  } catch (error) {
    // The server restarted before the call was sent: it has not run and can be repeated.
    if (error.code === 'not-sent') return call(channel, ...args)
    message.textContent = error.message
    return false
  }
}

function show(todos) {
  const open = todos.filter((todo) => !todo.done).length
  left.textContent = todos.length ? `${open} left` : 'nothing yet'
  // Keeps the focus, although the list is created again.
  const focused = list.contains(document.activeElement) && document.activeElement.id
  list.replaceChildren(...todos.map(({ id, text, done }) => {
    const label = element('label', { className: done ? 'done' : '' })
    label.append(element('input', { type: 'checkbox', id: `done-${id}`, checked: done, onchange: () => call('mark', id, !done) }), text)
    const item = element('li')
    item.append(label, element('button', { textContent: '×', id: `remove-${id}`, ariaLabel: `Remove ${text}`, onclick: () => call('remove', id) }))
    return item
  }))
  if (focused) (document.getElementById(focused) ?? input).focus()
}

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  if (await call('add', input.value)) input.value = ''
})

ipcRenderer.on('todos', (event, todos) => show(todos))

// After the first connection, and after each reconnect.
ipcRenderer.connection.on('state', ({ state }) => {
  document.body.classList.toggle('away', state !== 'open')
  if (state === 'open') call('show')
  else message.textContent = 'The server is not reachable. Changes are sent when it is back.'
})
