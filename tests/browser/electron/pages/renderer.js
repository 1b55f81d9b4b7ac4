// A renderer as it stands in an Electron application: it knows what its preload script has exposed, and nothing else.
'use strict'

window.errors = []
window.addEventListener('error', (event) => window.errors.push(event.message))

async function start() {
  window.shop.onPrice('tea', (price) => {
    document.getElementById('price').textContent = `tea: ${price}`
  })
  window.shop.buy('tea', 2)
  document.getElementById('count').textContent = `tea: ${await window.shop.count('tea')}`
}

if (window.shop) start()
