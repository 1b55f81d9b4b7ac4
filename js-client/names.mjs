/**
 * Renames the variables and members of a minified module, and orders its declarations and the members of its classes, so
 * that gzip finds more repetitions. terser's names are short; which of them a variable has changes the compressed size
 * all the same.
 *
 * A search: it changes something, keeps the change unless the module is larger then, and tries the next. The result
 * depends on the module alone.
 */
import { gzipSync } from 'node:zlib'
import { orderOf } from './order.mjs'
import { variablesOf } from './scopes.mjs'

/** How many changes are tried, in some 100 seconds. 40,000 gain 80 bytes less. */
const TRIES = 80_000

/** One in so many is a change of the order. */
const MOVES = 3

/** So many of ten names are those that another variable has between the same characters. */
const ALIKE = 9

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

function rename(variables, nameOf) {
  for (const variable of variables) for (const { identifier } of variable.uses) identifier.name = nameOf(variable)
}

/** The parts of a text in which the names of variables are numbers: the number of a variable is its name. */
const partsIn = (text) => text.split(/\$(\d+)\$/).map((part, index) => index % 2 === 0 ? part : Number(part))

/** The state of the search. A change that is not kept is taken back. */
class Search {
  #number = numbers()

  constructor(variables, globals, { groups, rest }, names) {
    Object.assign(this, { variables, globals, groups, rest, names, rivals: rivalsOf(variables) })
    // One with many items is changed often.
    this.choices = groups.flatMap((group) => group.items.map(() => group))
    // One that is used often is changed often.
    this.used = []
    this.alike = new Map()
    for (const { parts } of groups.flatMap(({ items }) => items)) this.#note(parts)
    const uses = new Map()
    variables.forEach(({ uses: { length } }, id) => uses.set(names[id], (uses.get(names[id]) ?? 0) + length))
    this.known = [...uses.keys()].sort((one, other) => uses.get(other) - uses.get(one))
    this.common = this.known.filter((name) => name.length === 1).slice(0, COMMON)
  }

  /** Notes each use of a variable, and what stands around it. */
  #note(parts) {
    for (const [at, part] of parts.entries()) {
      if (typeof part !== 'number') continue
      const [before, after] = [parts[at - 1], parts[at + 1]].map((each) => typeof each === 'string' ? each : '')
      const around = `${before.slice(-2)} ${after.slice(0, 1)}`
      if (!this.alike.has(around)) this.alike.set(around, [])
      this.alike.get(around).push(part)
      this.used.push([this.variables[part], this.alike.get(around)])
    }
  }

  get size() {
    return sizeOf(this.#textOf(this.groups[0].items) + this.#text(this.rest))
  }

  #textOf(items) {
    let text = ''
    for (const { parts } of items) text += this.#text(parts)
    return text
  }

  #text(parts) {
    let text = ''
    for (const part of parts) text += typeof part === 'string' ? part : part.items ? this.#textOf(part.items) : this.names[part]
    return text
  }

  /** Gives a variable another name, and its own one to the rivals that have that. @returns what takes it back */
  #exchange() {
    const { names, rivals } = this
    const [{ id, scope }, alike] = this.used[this.#number(this.used.length)]
    const old = names[id]
    const choice = this.#number(10) < ALIKE ? alike.map((other) => names[other])
      : scope.isClosed ? [...scope.names.keys()] : scope.outer ? this.common : this.known
    const name = choice[this.#number(choice.length)]
    if (scope.isClosed && !scope.names.has(name)) return undefined
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

  /** Moves up to three items of a group elsewhere. @returns what takes it back */
  #move() {
    const group = this.choices[this.#number(this.choices.length)]
    const before = group.items
    const items = [...before]
    const moved = items.splice(this.#number(items.length), 1 + this.#number(3))
    items.splice(this.#number(items.length + 1), 0, ...moved)
    if (!group.canBe(items)) return undefined
    group.items = items
    return () => { group.items = before }
  }

  run() {
    let best = this.size
    for (let tries = 0; tries < TRIES; tries++) {
      const takeBack = this.#number(MOVES) === 0 ? this.#move() : this.#exchange()
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
  rename(variables, ({ id }) => `$${id}$`)
  const order = await orderOf(program, print, partsIn)
  const search = new Search(variables, globals, order, names)
  search.run()
  rename(variables, ({ id }) => search.names[id])
  order.apply()
  checkMeaning(program, variables, properties)
}
