/**
 * Runs the TypeScript tests with Node's own runner. Node 20 has no file patterns, so this file finds the tests.
 * `npm test -- link clone` runs only the files whose path contains one of the words.
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const words = process.argv.slice(2)
const files = readdirSync(new URL('.', import.meta.url), { recursive: true })
  .map((name) => `test/${String(name)}`)
  .filter((name) => name.endsWith('.test.ts') && (words.length === 0 || words.some((word) => name.includes(word))))
  .sort()

if (files.length === 0) {
  console.error(`no test file has ${words.join(' or ')} in its path`)
  process.exit(1)
}

const runner = ['--import', 'tsx', '--test', '--test-reporter=spec', ...files]
spawn(process.execPath, runner, { cwd: root, stdio: 'inherit' }).on('exit', (code) => process.exit(code ?? 1))
