/**
 * What of a module may stand in any order, so that names.mjs can look for the one that compresses best: the declarations
 * at the top, as long as each comes behind those that it needs when it runs, and the members of a class that the order
 * of its fields does not depend on. The tree is ESTree.
 */
import { variablesOf } from './scopes.mjs'

const isNode = (value) => typeof value?.type === 'string'
const inside = (node) => Object.values(node).flat().filter(isNode)

/** Between two members in a text, and around them. */
const MARK = { type: 'PropertyDefinition', computed: false, static: false, key: { type: 'Identifier', name: '$M$' }, value: null }

function declarationsIn(statement) {
  if (statement.type === 'VariableDeclaration') return statement.declarations
  if (statement.type !== 'ClassDeclaration') return []
  return [{ type: 'VariableDeclarator', id: statement.id, init: { ...statement, type: 'ClassExpression', id: null } }]
}

/** Makes one statement of all declarations at the top, which become those of block scope. @throws Error for other statements */
function joinDeclarations(program) {
  const declarations = program.body.flatMap(declarationsIn)
  const others = program.body.filter((each) => declarationsIn(each).length === 0)
  if (others.some(({ type, declaration }) => type !== 'ExportNamedDeclaration' || declaration)) {
    throw new Error('expected declarations, and behind them exports by name')
  }
  program.body = [{ type: 'VariableDeclaration', kind: 'let', declarations }, ...others]
  return declarations
}

/** The nodes that run with a declaration. Functions, methods and fields of objects run later. */
function* running(node) {
  if (/Function/.test(node.type) || (node.type === 'PropertyDefinition' && !node.static && !node.computed)) return
  yield node
  for (const child of inside(node)) yield* running(child)
}

function* everything(node) {
  yield node
  for (const child of inside(node)) yield* everything(child)
}

/** For each declaration the set of those that must come before it: what it uses at once, and what these use if it calls. */
function needsOf(program, declarations) {
  const declaredBy = new Map()
  const top = new Map()
  for (const each of declarations) for (const node of everything(each.id)) declaredBy.set(node, each)
  for (const { uses } of variablesOf(program).variables) {
    const owner = uses.map(({ identifier }) => declaredBy.get(identifier)).find(Boolean)
    if (owner) for (const { identifier } of uses) top.set(identifier, owner)
  }
  const usedIn = (nodes) => new Set([...nodes].map((node) => top.get(node)).filter(Boolean))
  const used = new Map(declarations.map((each) => [each, usedIn(everything(each))]))
  return new Map(declarations.map((each) => {
    const nodes = [...running(each)]
    const needs = usedIn(nodes)
    if (nodes.some(({ type }) => /^(Call|New|TaggedTemplate|Import)Expression$/.test(type))) {
      for (const one of needs) for (const other of used.get(one)) needs.add(other)
    }
    needs.delete(each)
    return [each, needs]
  }))
}

/** A member that may stand anywhere in its class: a method, or a private field whose first value is always the same. */
function isMovable(member) {
  if (member.type === 'MethodDefinition') return !member.computed
  const { key, value } = member
  return member.type === 'PropertyDefinition' && key.type === 'PrivateIdentifier' && !member.static && (!value || isConstant(value))
}

const isConstant = ({ type, argument }) => type === 'Literal' || (type === 'UnaryExpression' && argument.type === 'Literal')

/** The classes in a node, from the outside in. */
const classesIn = (node) => [...everything(node)].filter(({ type }) => type === 'ClassBody')

/** The members of a class that may be moved. None where a field that stays is set with others of the object. */
function movableIn(body) {
  const staying = body.body.filter((member) => !isMovable(member))
  const looks = staying.some((member) => member.value && [...running(member.value)].some(({ type }) => type === 'ThisExpression'))
  const movable = looks ? [] : body.body.filter(isMovable)
  return movable.length > 1 ? movable : []
}

/** Parts of a text between which the marks stand; the members between the marks of a class are a group. */
function partsOf(text, groups, partsIn) {
  const pieces = text.split(/\$M\$;?/)
  const parts = partsIn(pieces.shift())
  for (const group of groups) {
    group.items = group.nodes.map((node) => ({ node, parts: partsIn(pieces.shift()) }))
    parts.push(group, ...partsIn(pieces.shift()))
  }
  if (pieces.length > 0 || groups.some(({ items }) => items.some(({ parts: [first] }) => first === undefined))) {
    throw new Error('a class stands in another one')
  }
  return parts
}

/**
 * Prepares a module for another order.
 *
 * @param print - returns the text of a tree; @param partsIn - returns the parts of a text
 * @returns the `groups`, each with its `items` and `canBe`, which tells whether they may have an order. The first is of
 *   the declarations. An item has `parts`, among which are the groups in it. `apply` gives the tree the order of the groups
 */
export async function orderOf(program, print, partsIn) {
  const declarations = joinDeclarations(program)
  const needs = needsOf(program, declarations)
  const canBe = (items) => {
    const places = new Map(items.map(({ node }, place) => [node, place]))
    return items.every(({ node }, place) => [...needs.get(node)].every((each) => places.get(each) < place))
  }
  const groups = []
  const items = []
  for (const node of declarations) {
    const own = classesIn(node).map((body) => ({ body, nodes: movableIn(body), canBe: () => true })).filter(({ nodes }) => nodes.length > 0)
    for (const { body, nodes } of own) {
      body.body = [...body.body.filter((member) => !nodes.includes(member)), ...nodes.flatMap((each) => [MARK, each]), MARK]
    }
    const text = await print({ type: 'Program', sourceType: 'module', body: [{ type: 'VariableDeclaration', kind: 'let', declarations: [node] }] })
    items.push({ node, parts: partsOf(text.replace(/^let /, ',').replace(/;$/, ''), own, partsIn) })
    for (const { body } of own) body.body = body.body.filter((member) => member !== MARK)
    groups.push(...own)
  }
  if (!canBe(items)) throw new Error('a declaration needs one that comes later')
  const [statement, ...others] = program.body
  const rest = partsIn(`;${await print({ type: 'Program', sourceType: 'module', body: others })}`)
  const apply = () => {
    statement.declarations = groups[0].items.map(({ node }) => node)
    for (const { body, nodes, items: ordered } of groups.slice(1)) {
      body.body = [...body.body.filter((member) => !nodes.includes(member)), ...ordered.map(({ node }) => node)]
    }
  }
  groups.unshift({ items, canBe })
  return { groups, rest, apply }
}
