/** What the build does to a minified module (shorter.mjs, names.mjs): it has another text, and does the same. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { minify, type MinifyOptions } from 'terser'

interface Steps {
  readonly shorten: (program: unknown) => void
  readonly shortenFurther: (program: unknown) => void
  readonly improveNames: (program: unknown, print: (program: unknown) => Promise<string>) => Promise<void>
}

/** They have no types, as no program imports them. */
const load = async (file: string): Promise<Steps> => await import(new URL(`../${file}`, import.meta.url).href) as Steps
const { shorten, shortenFurther } = await load('shorter.mjs')
const { improveNames } = await load('names.mjs')

const asItIs: MinifyOptions = { module: true, compress: false, mangle: false, parse: { spidermonkey: true } as object }

async function print(program: unknown): Promise<string> {
  return (await minify(program as string, asItIs)).code ?? ''
}

async function changed(source: string, mangle: boolean, further = false): Promise<string> {
  const format = { ast: true, code: false, spidermonkey: true } as object
  const { ast } = await minify(source, { module: true, compress: false, mangle, format }) as { ast?: unknown }
  shorten(ast)
  if (further) shortenFurther(ast)
  if (mangle) await improveNames(ast, print)
  return await print(ast)
}

async function run(source: string): Promise<unknown> {
  return ((await import(`data:text/javascript,${encodeURIComponent(source)}`)) as { readonly result: unknown }).result
}

test('what documents use of each other keeps its name, since they may have different bundles', () => {
  const built = readFileSync(new URL('../dist/client.js', import.meta.url), 'utf8')
  const shared = ['address', 'linkId', 'state', 'waiting', 'hold', 'introduce', 'blocks', 'block', 'run']
  assert.deepEqual(shared.filter((name) => !new RegExp(`(?:\\.|get |[;}{])${name}\\b`).test(built)), [])
})

test('functions become arrow functions, unless they have their own this or arguments, or yield', async () => {
  const source = `
    function plain(a) { return a + 1 }
    function early() { return later() }
    function later() { return 'later' }
    function counts() { return arguments.length }
    function self() { return this?.here }
    function * numbers() { yield 1 }
    const nested = { call: function (a) { return () => a }, me: function () { return [() => this.here] }, here: 3 }
    class Holder { value = 4; get() { return (() => this.value)() } }
    export const result = JSON.stringify([plain(1), early(), counts(1, 2), self.call({ here: 5 }), ...numbers(),
      nested.call(2)(), nested.me()[0](), new Holder().get()])
  `
  const text = await changed(source, false)
  assert.equal(await run(text), await run(source))
  const left = text.match(/function\*? ?\w*/g)?.sort()
  assert.deepEqual(left, ['function', 'function counts', 'function self', 'function*numbers'])
})

test('a field has no declaration if the constructor sets it in any case', async () => {
  const source = `
    class Fields {
      always; sometimes; never; private_; value = 1; static shared
      #private_
      constructor(given) {
        this.#private_ = this.always = given
        if (given > 1) this.sometimes = given
      }
      get sum() { return this.#private_ }
    }
    const fields = new Fields(1)
    export const result = JSON.stringify([Object.keys(fields).sort(), fields.sum, 'shared' in Fields])
  `
  const text = await changed(source, false)
  assert.equal(await run(text), await run(source))
  assert.match(text, /class Fields\{sometimes;never;private_;value=1;static shared;#private_;constructor/)
})

test('templates become sums, callbacks lose their braces, and two values have names', async () => {
  const source = `
    const texts = (a, b, c) => [\`\${a}\`, \`\${a}\${b}\`, \`\${a}/\${b}\`,
      \`(\${a})\${b > 1 ? 'x' : 'y'}\${c ?? 'none'}\`, \`\${(a, b)}\`,
      \`\`, \`"\\n\${a + b}\`, \`\${\`\${a}\${b}\`}\${\`\`}\`, String.raw\`\\n\${a}\`]
    const seen = []
    const each = (list, use) => { for (const one of list) use(one) }
    each([1, 2], (one) => { seen.push(one) })
    each([3, 4], (one) => one > 3 ? void seen.push(one) : void 0)
    const values = ({ a = void 0, b = null } = {}) => [a === void 0, b === null, typeof b, /null|x/.test('null')]
    const all = [texts(1, 2, null), texts('1', 2, 3), seen, values(), values({ a: null, b: 1 })]
    export const result = JSON.stringify(all)
  `
  const text = await changed(source, false, true)
  assert.equal(await run(text), await run(source))
  assert.match(text, /=>\w+\.push\(/)
  assert.equal(text.match(/`/g)?.length, 2, text)
  assert.equal(text.match(/void 0|\bnull\b/g)?.length, 3, 'its own declaration, and two of an expression and a text')
})

test('large powers of two are written as such, and flags have no first value unless it is read', async () => {
  const source = `
    class Flags {
      #read = false; #condition = false; #other = 0
      get value() { return this.#read }
      set() { this.#condition = this.#read = !this.#condition; return this.#condition && this.#other ? 1 : 2 }
    }
    const one = new Flags(), two = new Flags()
    const numbers = [4096 * 3, -65536, 65535, 4096 ** 2, 1024]
    export const result = JSON.stringify([one.value, one.set(), one.value, two.value, numbers])
  `
  const text = await changed(source, false, true)
  assert.equal(await run(text), await run(source))
  assert.match(text, /class Flags\{#read=false;#condition;#other=0;/)
  assert.deepEqual(text.match(/2\*\*\d+/g), ['2**12', '2**16', '2**12'])
})

describe('names that compress well', () => {
  const source = `
    const first = ({ a, b: [c, ...d] = [], ...rest }, e = a) => [a, c, d, rest, e]
    const second = (a, b) => { try { throw a } catch (c) { let a = c + b; { let b = a * 2; return [a, b, c] } } }
    class Counter {
      #count = 0
      #step
      constructor(step) { this.#step = step }
      add() { this.#count += this.#step; return this }
      get count() { return this.#count }
    }
    const third = function inner(a) { return a > 0 ? [a, ...inner(a - 1)] : [] }
    const loops = (list) => { let sum = 0; for (let a of list) for (let b = 0; b < a; b++) sum += a * b; return sum }
    const result = JSON.stringify([first({ a: 1, b: [2, 3], f: 4 }), second(5, 6), third(3), loops([1, 2, 3]),
      new Counter(7).add().add().count, [1, 2].map((a) => ({ a })), typeof document])
    export { result }
  `

  test('stand in an order in which everything is there when it is used', async () => {
    const ordered = `
      const base = 2, twice = (a) => a * base, four = twice(2), list = [four, base]
      class Animal { #legs; #name = 'none'; #kinds = [list.length]; sound = this.#name + this.#kinds[0]
        constructor(legs) { this.#legs = legs }
        get legs() { return this.#legs }
        say() { return this.#name + this.sound } }
      class Dog extends Animal { #age = 0; #tail
        older() { return ++this.#age }
        has() { return this.#tail === undefined } }
      const dog = new Dog(four), Other = class extends Dog { constructor() { super(base) } }
      const made = new Other, all = [dog, made].map((one) => [one.legs, one.say(), one.older(), one.has()])
      const text = JSON.stringify([all, list]), result = text
      export { result }
    `
    assert.equal(await run(await changed(ordered, true)), await run(ordered))
  })

  test('mean what they meant', async () => {
    const text = await changed(source, true)
    assert.equal(await run(text), await run(source))
  })

  test('are the same in each build', async () => {
    assert.equal(await changed(source, true), await changed(source, true))
  })
})
