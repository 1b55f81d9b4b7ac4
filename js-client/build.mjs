/**
 * Builds the client: one file for module scripts, one for classic scripts, and the element for pages that show others
 * (all minified, for the Python server to serve), and one readable module for bundlers, which minify for themselves. Then
 * the same of the `electron` module, and what runs preload scripts. tsc adds the declarations (`npm run build`).
 */
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
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
 * called once in the place of the call, and both again on what that has made; the functions that are left stand side by
 * side, and comparisons as they were written, which gzip likes. None of terser's unsafe assumptions.
 */
const compress = { passes: 4, hoist_funs: true, lhs_constants: false }

/**
 * Properties that only this package's own modules read and write, always by `.name`: they get short names. Never one
 * that is on the wire, in the public API or the browser's, or is ever written as a string (the limits of values are).
 * Nor one by which two bundles in one document find each other: they meet under `Symbol.for('webipc')` (client.ts), in
 * an object that has public names alone. The browser tests drive the bundles that come out of this.
 */
const INTERNAL = `
  takeFrame bareFrame wasHanded rejectCalls failAll canResume ackOwed ackDue owedMessages owedBytes handed claimed
  pieces kept keptBytes keptMessages frameMessages frameBytes partBytes socketBytes beaconBytes openCalls ackMessages
  ackBytes ackMs helloMs silenceMs probeMs answerPageMs answerServerMs channelLength records settle backlog skeleton
  elements isBare places buffers holder welcomed arrived broken schedule congested shouldAnswer shouldProbe doubted
  nextAttempt known receiveClose lost description describe doubt heard wake probe leave comeBack attach detach fixup messages
  deliver opened finish goodbye posted going callSync postPorted handOut running roomFor inner isBack openPorts sites uses closeAll
  protect parcel joined receive step json newest arriving forget release take accept
  calls core sent wait answer put target _keep _tell _warn _onceOnly _removeEach _add _warned _maxListeners
`.trim().split(/\s+/)
// `builtins`: the browser has some of these names too, on objects that this package does not use.
const mangle = { properties: { builtins: true, regex: new RegExp(`^(${INTERNAL.join('|')})$`) } }

/** What is written as a string finds no property that has become short. @throws Error with the first such name */
async function refuseStrings() {
  for (const file of await readdir(`${directory}src`, { recursive: true })) {
    if (!file.endsWith('.ts')) continue
    const source = await readFile(`${directory}src/${file}`, 'utf8')
    const name = INTERNAL.find((each) => source.includes(`'${each}'`))
    if (name) throw new Error(`src/${file} has '${name}' as a string: take it out of INTERNAL, or name it otherwise`)
  }
}

/** Leaves the client out of a file, which imports it from `path` instead: one copy, one `ipcRenderer`. */
const clientAt = (path) => ({
  name: 'client elsewhere',
  setup(builder) {
    builder.onResolve({ filter: /^\.\.\/index\.js$/ }, () => ({ path, external: true }))
    // The classes of the errors are the client's own as well, so that `instanceof` holds.
    builder.onResolve({ filter: /^\.\.\/core\/errors\.js$/ }, () => ({ path, external: true }))
  },
})

/** What the package `url` would bring along, of which it needs three functions. */
const smallUrl = {
  name: 'small url',
  setup(builder) {
    builder.onResolve({ filter: /^qs$/ }, () => ({ path: `${directory}src/electron/url-query.ts` }))
    builder.onResolve({ filter: /^punycode\/$/ }, () => ({ path: `${directory}src/electron/url-host.ts` }))
  },
}

/** The licences of the packages that are in a file, which they ask to be with it. */
async function licences(names) {
  const texts = await Promise.all(names.map(async (name) => {
    const text = await readFile(`${directory}node_modules/${name}/LICENSE`, 'utf8')
    return `${name}:\n\n${text.trim().replaceAll('*/', '* /')}`
  }))
  return texts.length > 0 ? `/*!\n${texts.join('\n\n')}\n*/\n` : ''
}

/** A file for browsers: esbuild joins and minifies, terser minifies what is left; the map leads to the sources. */
async function buildMinified(entry, outfile, format, { packages = [], ...options } = {}) {
  const { outputFiles } = await build({
    ...shared, entryPoints: [entry], outfile, format, minify: true, sourcemap: 'external', write: false, ...options,
  })
  const [map, joined] = ['.map', '.js'].map((end) => outputFiles.find(({ path }) => path.endsWith(end)).text)
  const { code, map: chained } = await minify(joined, {
    module: format === 'esm',
    // Copies: terser writes into them what a module may do, which a classic script may not.
    compress: { ...compress },
    mangle: { ...mangle },
    format: { preamble: await licences(packages) },
    // No comment that names the map: the server's header does, and costs the page nothing.
    sourceMap: { content: map, filename: basename(outfile) },
  })
  await Promise.all([writeFile(`${directory}${outfile}`, code), writeFile(`${directory}${outfile}.map`, chained)])
}

await refuseStrings()
await rm(`${directory}dist`, { recursive: true, force: true })
await mkdir(`${directory}dist/electron`, { recursive: true })
await Promise.all([
  buildMinified('src/index.ts', 'dist/client.js', 'esm'),
  buildMinified('src/global.ts', 'dist/client.global.js', 'iife'),
  buildMinified('src/commands.ts', 'dist/commands.js', 'esm'),
  buildMinified('src/web-view/index.ts', 'dist/web-view.js', 'esm'),
  build({ ...shared, entryPoints: ['src/index.ts'], outfile: 'dist/index.js', format: 'esm' }),
  buildMinified('src/electron/index.ts', 'dist/electron.js', 'esm', { plugins: [clientAt('./client.js')] }),
  buildMinified('src/electron/global.ts', 'dist/electron.global.js', 'iife', { plugins: [smallUrl], packages: ['url'] }),
  buildMinified('src/electron/preload.ts', 'dist/preload-runtime.js', 'iife', {
    plugins: [smallUrl], packages: ['buffer', 'url', 'base64-js', 'ieee754'], globalName: 'webipcPreload',
  }),
  build({
    ...shared, entryPoints: ['src/electron/index.ts'], outfile: 'dist/electron/index.js', format: 'esm',
    plugins: [clientAt('../index.js')],
  }),
  // tsc does not copy what is a declaration already.
  copyFile(`${directory}src/electron/electron-module.d.ts`, `${directory}dist/electron/electron-module.d.ts`),
])
