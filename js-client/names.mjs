/**
 * Renames the variables and members of a minified module, and orders its functions, so that gzip finds more
 * repetitions. terser's names are short; which of them a variable has changes the compressed size all the same.
 *
 * A search: it changes something, keeps the change unless the module is larger then, and tries the next. The result
 * depends on the module alone.
 */
import { gzipSync } from 'node:zlib'
import { variablesOf } from './scopes.mjs'

/** How many changes are tried, in some 45 seconds. 8,000 gain 200 bytes less. */
const TRIES = 40_000

/** So many of the most frequent names are for variables in functions. */
const COMMON = 20

const sizeOf = (text) => gzipSync(text, { level: 9 }).length

/** Random numbers below `most`, the same ones in each build. */
function numbers() {
  let seed = 3
  return (most) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return Math.floor(seed / 2 ** 32 * most)
  }
}

/** For each variable the others that must not have its name: of the same scope, and of scopes in which it is used. */
function rivalsOf(variables) {
  const inScope = new Map()
  for (const each of variables) inScope.set(each.scope, [...inScope.get(each.scope) ?? [], each])
  const rivals = variables.map(({ scope }) => new Set(inScope.get(scope)))
  for (const variable of variables) {
    const others = variable.uses.flatMap(({ around }) => around.flatMap((scope) => inScope.get(scope) ?? []))
    for (const other of others) {
      rivals[variable.id].add(other)
      rivals[other.id].add(variable)
    }
  }
  return variables.map((variable) => [...rivals[variable.id]].filter((other) => other !== variable))
}

/** The functions at the beginning of a module. Nothing runs between them, so they may have any order. */
const functionsOf = ({ body: [first] }) =>
  first.type === 'VariableDeclaration' && first.declarations.every(({ init }) => init?.type === 'ArrowFunctionExpression')
    ? first.declarations : []

function rename(variables, nameOf) {
  for (const variable of variables) for (const { identifier } of variable.uses) identifier.name = nameOf(variable)
}

/** The text of each function at the beginning, and of the rest, in parts; the number of a variable is its name. */
async function textsOf(program, variables, print) {
  const functions = functionsOf(program)
  const declared = functions.map((each) => [{ type: 'VariableDeclaration', kind: 'let', declarations: [each] }])
  rename(variables, ({ id }) => `$${id}$`)
  const texts = []
  for (const body of [...declared, program.body.slice(functions.length > 0 ? 1 : 0)]) {
    const text = await print({ type: 'Program', sourceType: 'module', body })
    texts.push(text.split(/\$(\d+)\$/).map((part, index) => index % 2 === 0 ? part : Number(part)))
  }
  const rest = texts.pop()
  return { functions: texts.map(([, ...parts]) => [',', ...parts.slice(0, -1), parts.at(-1).replace(/;$/, '')]), rest }
}

/** The state of the search. A change that is not kept is taken back. */
class Search {
  #number = numbers()

  constructor(variables, globals, { functions, rest }, names) {
    Object.assign(this, { variables, globals, functions, rest, names, rivals: rivalsOf(variables) })
    // One that is used often is changed often.
    this.used = variables.flatMap((variable) => variable.uses.map(() => variable))
    const uses = new Map()
    variables.forEach(({ uses: { length } }, id) => uses.set(names[id], (uses.get(names[id]) ?? 0) + length))
    this.known = [...uses.keys()].sort((one, other) => uses.get(other) - uses.get(one))
    this.common = this.known.filter((name) => name.length === 1).slice(0, COMMON)
  }

  get size() {
    const parts = [...this.functions.flat(), ...this.rest]
    return sizeOf(parts.map((part) => typeof part === 'number' ? this.names[part] : part).join(''))
  }

  /** Gives a variable another name, and its own one to the rivals that have that. @returns what takes it back */
  #exchange() {
    const { names, rivals } = this
    const { id, scope } = this.used[this.#number(this.used.length)]
    const old = names[id]
    const choice = scope.isClosed ? [...scope.names.keys()] : scope.outer ? this.common : this.known
    const name = choice[this.#number(choice.length)]
    const changed = rivals[id].filter((rival) => names[rival.id] === name).map((rival) => rival.id)
    const swap = (mine, theirs) => {
      names[id] = mine
      for (const rival of changed) names[rival] = theirs
    }
    swap(name, old)
    const collides = (one) => rivals[one].some((rival) => names[rival.id] === names[one])
    if (name !== old && !this.globals.has(name) && ![id, ...changed].some(collides)) return () => { swap(old, name) }
    swap(old, name)
    return undefined
  }

  /** Moves up to three functions elsewhere. @returns what takes it back */
  #move() {
    const before = this.functions
    const functions = [...before]
    const moved = functions.splice(this.#number(functions.length), 1 + this.#number(3))
    functions.splice(this.#number(functions.length + 1), 0, ...moved)
    this.functions = functions
    return () => { this.functions = before }
  }

  run() {
    let best = this.size
    for (let tries = 0; tries < TRIES; tries++) {
      const takeBack = this.functions.length > 0 && this.#number(4) === 0 ? this.#move() : this.#exchange()
      if (!takeBack) continue
      const { size } = this
      if (size > best) takeBack()
      else best = size
    }
  }
}

/** @throws Error if an identifier does not mean the variable that it meant before */
function checkMeaning(program, variables, properties) {
  const meant = new Map(variables.flatMap((variable) => variable.uses.map(({ identifier }) => [identifier, variable])))
  for (const { uses } of variablesOf(program, properties).variables) {
    const [variable, ...others] = new Set(uses.map(({ identifier }) => meant.get(identifier)))
    if (others.length > 0 || variable?.uses.length !== uses.length) throw new Error('a name has another meaning now')
  }
}

/**
 * Renames and orders in place.
 *
 * @param print - returns the text of a tree; @param properties - the names that terser has given to properties
 */
export async function improveNames(program, print, properties) {
  const { variables, globals } = variablesOf(program, properties)
  const names = variables.map(({ uses: [first] }) => first.identifier.name)
  const texts = await textsOf(program, variables, print)
  const search = new Search(variables, globals, texts, names)
  search.run()
  rename(variables, ({ id }) => search.names[id])
  const functions = functionsOf(program)
  functions.splice(0, Infinity, ...search.functions.map((each) => functions[texts.functions.indexOf(each)]))
  checkMeaning(program, variables, properties)
}
