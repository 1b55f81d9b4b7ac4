/**
 * Builds the client: minified files that the Python server serves (a module script, a classic script, `<web-view>`, the
 * page's commands) and a readable module for bundlers, which minify by themselves. Then the same for the `electron`
 * module, and the runtime of preload scripts. tsc adds the declarations (`npm run build`).
 */
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { build } from 'esbuild'
import { minify } from 'terser'
import { improveNames } from './names.mjs'
import { shorten, shortenFurther } from './shorter.mjs'

/** `node build.mjs --quick` for a page under development: client.js is then some 900 bytes larger, in a few seconds. */
const QUICK = process.argv.includes('--quick')

const directory = new URL('./', import.meta.url).pathname

/** Options of every output. The oldest supported releases of the three engines run ES2022. */
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
 * What esbuild does not do: inlines constant properties (`CloseCode.NORMAL` becomes 1000) and functions that are called
 * once, in several passes. Functions stand side by side and comparisons stay as written, because both compress better.
 * None of terser's unsafe assumptions.
 */
const compress = { passes: 4, hoist_funs: true, lhs_constants: false }

/**
 * Properties that get short names, because only this package's modules use them, always by `.name`. Never one that is
 * on the wire, in the public API or in the browser's API, or that is written as a string (as limits of values are). Nor
 * one that bundles of different versions share: they find each other by `Symbol.for('webipc')` (client.ts), and the
 * documents of one tab use each other's connection (page/embedding.ts). The browser tests run the built bundles.
 */
const INTERNAL = `
  limits stop control root
  takeFrame bareFrame wasHanded rejectCalls failAll canResume ackOwed ackDue owedMessages owedBytes handed claimed
  pieces kept keptBytes keptMessages frameMessages frameBytes partBytes socketBytes beaconBytes openCalls ackMessages
  ackBytes ackMs helloMs silenceMs probeMs answerPageMs answerServerMs channelLength records settle backlog skeleton
  isBare places buffers holder welcomed arrived broken underWay acked piece since measure resetPace patience shouldAnswer shouldProbe doubted
  attempts identity begin known receiveClose lost description describe doubt heard wake probe leave comeBack attach detach fixup messages
  deliver finish goodbye posted going callSync postPorted handOut running roomFor inner isBack openPorts sites uses closeAll
  protect carried answered retract bodies mostBeacons parcel joined receive step json newest arriving forget release take accept
  calls core sent wait answer put target hasCycle tries attached retry inside _keep _tell _warn _onceOnly _removeEach _add _warned _maxListeners
`.trim().split(/\s+/)
// `builtins`: the browser has some of these names too, but on objects that this package does not use.
const mangle = { properties: { builtins: true, regex: new RegExp(`^(${INTERNAL.join('|')})$`) } }

/** Refuses a string with a shortened name, which would not find its property. @throws Error with the first one */
async function refuseStrings() {
  for (const file of await readdir(`${directory}src`, { recursive: true })) {
    if (!file.endsWith('.ts')) continue
    const source = await readFile(`${directory}src/${file}`, 'utf8')
    const name = INTERNAL.find((each) => source.includes(`'${each}'`))
    if (name) throw new Error(`src/${file} has '${name}' as a string: remove it from INTERNAL, or rename it`)
  }
}

/** Keeps the client external to a file, which imports it from `path`: one copy, one `ipcRenderer`. */
const clientAt = (path) => ({
  name: 'client elsewhere',
  setup(builder) {
    builder.onResolve({ filter: /^\.\.\/index\.js$/ }, () => ({ path, external: true }))
    // The error classes are imported from the client as well, so that `instanceof` works.
    builder.onResolve({ filter: /^\.\.\/core\/errors\.js$/ }, () => ({ path, external: true }))
  },
})

/** Puts the guest's side of a <web-view> into a file of its own, which only a framed document loads. */
const lateHost = {
  name: 'late host',
  setup(builder) {
    builder.onResolve({ filter: /\/web-view\/host\.js$/ }, () => ({ path: `${directory}src/web-view/late-host.ts` }))
    builder.onResolve({ filter: /^\.\/host\.js$/ }, () => ({ path: './web-view-guest.js', external: true }))
  },
}

/** Replaces two dependencies of the package `url`, of which it needs three functions. */
const smallUrl = {
  name: 'small url',
  setup(builder) {
    builder.onResolve({ filter: /^qs$/ }, () => ({ path: `${directory}src/electron/url-query.ts` }))
    builder.onResolve({ filter: /^punycode\/$/ }, () => ({ path: `${directory}src/electron/url-host.ts` }))
  },
}

/** The licences of the packages in a file, which have to be included with it. */
async function licences(names) {
  const texts = await Promise.all(names.map(async (name) => {
    const text = await readFile(`${directory}node_modules/${name}/LICENSE`, 'utf8')
    return `${name}:\n\n${text.trim().replaceAll('*/', '* /')}`
  }))
  return texts.length > 0 ? `/*!\n${texts.join('\n\n')}\n*/\n` : ''
}

/**
 * Builds a file for browsers: esbuild bundles and minifies, terser minifies further, and shorter.mjs once more.
 * The map leads to the sources.
 */
async function buildMinified(entry, outfile, format, { packages = [], smallest = false, ...options } = {}) {
  const { outputFiles } = await build({
    ...shared, entryPoints: [entry], outfile, format, minify: true, sourcemap: 'external', write: false, ...options,
  })
  const [map, joined] = ['.map', '.js'].map((end) => outputFiles.find(({ path }) => path.endsWith(end)).text)
  const module = format === 'esm'
  // Copies, because terser adds options for modules to them, which are wrong for a classic script.
  const nameCache = {}
  const { ast } = await minify(joined, {
    module, compress: { ...compress }, mangle: { ...mangle }, nameCache,
    format: { ast: true, code: false, spidermonkey: true },
  })
  if (module) shorten(ast)
  if (smallest) shortenFurther(ast)
  const asItIs = { module, parse: { spidermonkey: true }, compress: false, mangle: false }
  if (smallest && !QUICK) {
    const shortened = new Set(Object.values(nameCache.props.props))
    await improveNames(ast, async (tree) => (await minify(tree, asItIs)).code, shortened)
  }
  const { code, map: chained } = await minify(ast, {
    ...asItIs, format: { preamble: await licences(packages) },
    // No comment with the address of the map: the server sends it in a header, which is not part of the download.
    sourceMap: { content: map, filename: basename(outfile) },
  })
  await Promise.all([writeFile(`${directory}${outfile}`, code), writeFile(`${directory}${outfile}.map`, chained)])
}

await refuseStrings()
await rm(`${directory}dist`, { recursive: true, force: true })
await mkdir(`${directory}dist/electron`, { recursive: true })
await Promise.all([
  buildMinified('src/index.ts', 'dist/client.js', 'esm', { plugins: [lateHost], smallest: true }),
  buildMinified('src/web-view/host.ts', 'dist/web-view-guest.js', 'esm'),
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
  // tsc does not copy declaration files.
  copyFile(`${directory}src/electron/electron-module.d.ts`, `${directory}dist/electron/electron-module.d.ts`),
])
