/** The download size of the built client, compressed as a server sends it. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

/** Bytes of dist/client.js after gzip -9. */
const LIMIT = 16_500

const client = new URL('../dist/client.js', import.meta.url)

test(`the client is at most ${LIMIT} bytes compressed`, (context) => {
  assert.ok(existsSync(client), 'dist/client.js is not built: run `npm run build`')
  const source = readFileSync(client)
  const compressed = gzipSync(source, { level: 9 }).length
  const size = `dist/client.js is ${compressed} bytes compressed (${source.length} minified), the limit is ${LIMIT}`
  context.diagnostic(size)
  assert.ok(compressed <= LIMIT, size)
})
