/**
 * socket.io on Node, with its defaults, except the size of a message: the default is less than 1 MiB.
 * `take` keeps a value, and `give` returns it.
 */
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { payload } from './payload.mjs'

const http = createServer()
const io = new Server(http, { maxHttpBufferSize: 1 << 25 })
let kept = null

io.on('connection', (socket) => {
  socket.on('add', (a, b, answer) => answer(a + b))
  socket.on('echo', (data, answer) => answer(data))
  socket.on('flood', () => {})
  socket.on('take', (value, answer) => answer((kept = value).length))
  socket.on('give', (answer) => answer(kept))
  socket.on('ticks', (first, count) => {
    for (let number = first; number < first + count; number++) socket.emit('tick', number)
  })
  socket.on('tell', (number) => io.emit('news', payload(number)))
})

http.listen(Number(process.argv[2]), '127.0.0.1')
