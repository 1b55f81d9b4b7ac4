/**
 * Builds the client: one file for module scripts, one for classic scripts, and the element for pages that show others (all
 * minified, for the Python server to serve), and one readable module for bundlers, which minify for themselves. tsc adds the
 * declarations (`npm run build`).
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { build } from 'esbuild'
import { minify } from 'terser'

const directory = new URL('./', import.meta.url).pathname

/** What every output shares; ES2022 is what the three engines' oldest supported releases run as it is. */
const shared = {
  absWorkingDir: directory,
  bundle: true,
  legalComments: 'none',
  logLevel: 'warning',
  sourcemap: true,
  sourcesContent: true,
  target: 'es2022',
}

/**
 * What esbuild does not do: constants in the place of properties (`CloseCode.NORMAL` becomes 1000), functions that are
 * called once in the place of the call, and both again on what that has made. None of terser's unsafe assumptions.
 */
const compress = { passes: 4 }

/**
 * Properties that only this package's own modules read and write, always by `.name`: they get short names. Never one
 * that is on the wire, in the public API or the browser's, or is ever written as a string (the limits of values are).
 * The browser tests drive the bundle that comes out of this.
 */
const INTERNAL = `
  takeFrame bareFrame wasHanded rejectCalls failAll canResume ackOwed ackDue owedMessages owedBytes handed claimed
  pieces kept keptBytes keptMessages frameMessages frameBytes partBytes socketBytes beaconBytes openCalls ackMessages
  ackBytes ackMs helloMs silenceMs probeMs answerPageMs answerServerMs channelLength records settle backlog skeleton
  elements isBare places buffers holder welcomed arrived broken schedule congested shouldAnswer shouldProbe doubted
  nextAttempt known came lost claims doubt heard wake probe leave comeBack attach detach fixup messages deliver opened
  finish _keep _tell _warn _onceOnly _removeEach _add _warned _maxListeners
`.trim().split(/\s+/)
const mangle = { properties: { regex: new RegExp(`^(${INTERNAL.join('|')})$`) } }

/** A file for browsers: esbuild joins and minifies, terser minifies what is left; the map leads to the sources. */
async function buildMinified(entry, outfile, format) {
  const { outputFiles } = await build({
    ...shared, entryPoints: [entry], outfile, format, minify: true, sourcemap: 'external', write: false,
  })
  const [map, joined] = ['.map', '.js'].map((end) => outputFiles.find(({ path }) => path.endsWith(end)).text)
  const { code, map: chained } = await minify(joined, {
    module: format === 'esm',
    compress,
    mangle,
    // No comment that names the map: the server's header does, and costs the page nothing.
    sourceMap: { content: map, filename: basename(outfile) },
  })
  await Promise.all([writeFile(`${directory}${outfile}`, code), writeFile(`${directory}${outfile}.map`, chained)])
}

await rm(`${directory}dist`, { recursive: true, force: true })
await mkdir(`${directory}dist`)
await Promise.all([
  buildMinified('src/index.ts', 'dist/client.js', 'esm'),
  buildMinified('src/global.ts', 'dist/client.global.js', 'iife'),
  buildMinified('src/commands.ts', 'dist/commands.js', 'esm'),
  buildMinified('src/web-view.ts', 'dist/web-view.js', 'esm'),
  build({ ...shared, entryPoints: ['src/index.ts'], outfile: 'dist/index.js', format: 'esm' }),
])
