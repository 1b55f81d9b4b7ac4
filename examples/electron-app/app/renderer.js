const find = (id) => document.getElementById(id)

find('versions').textContent = `Chrome ${window.versions.chrome}, Node.js ${window.versions.node}, Electron ${window.versions.electron}`

find('ping').addEventListener('click', async () => {
  find('pong').textContent = await window.main.ping()
})

find('title-form').addEventListener('submit', (event) => {
  event.preventDefault()
  window.main.setTitle(find('title').value)
})

find('report').addEventListener('click', async () => {
  const { title, count } = await window.main.report()
  find('known').textContent = `This window is called “${title}”, and has counted to ${count}.`
})

window.main.onStep((by) => {
  const count = Number(find('count').textContent) + by
  find('count').textContent = String(count)
  window.main.tellCount(count)
})
