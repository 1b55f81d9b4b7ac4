/**
 * What makes a minified module shorter, and terser leaves as it is. The tree is ESTree, which terser writes and reads.
 *
 * 1. Functions become arrow functions: `let f=a=>b` in the place of `function f(a){return b}`. terser does this only for
 *    functions without a name, and calls it unsafe, because it cannot know whether a function is called with `new`. Here
 *    tsc refuses that for every function that is no class.
 * 2. A field that the constructor sets in any case needs no declaration: `class{constructor(a){this.a=a}}` in the place
 *    of `class{a;constructor(a){this.a=a}}`. No class here has a setter for such a name, which would be called.
 */

const isNode = (value) => typeof value?.type === 'string'

/** The nodes directly in a node. */
const inside = (node) => Object.values(node).flat().filter(isNode)

/** Whether a function has its own `this` or `arguments` in use. What is in other functions and classes has its own. */
function needsFunction(node) {
  if (['ThisExpression', 'Super', 'MetaProperty'].includes(node.type)) return true
  if (node.type === 'Identifier' && node.name === 'arguments') return true
  return inside(node).some((child) => !/^(Function|Class)/.test(child.type) && needsFunction(child))
}

const canBeArrow = (node) =>
  /^Function/.test(node.type) && !node.generator && !(node.type === 'FunctionExpression' && node.id) && !needsFunction(node)

function arrowOf({ params, async, body, loc }) {
  const [first, second] = body.body
  const result = !second && first?.type === 'ReturnStatement' ? first.argument : undefined
  return { type: 'ArrowFunctionExpression', params, async, expression: Boolean(result), body: result ?? body, loc }
}

/** Changes the function expressions in a node. Methods stay: their function is a part of their syntax. */
function changeExpressions(node) {
  const isMethod = node.type === 'MethodDefinition' || (node.type === 'Property' && (node.method || node.kind !== 'init'))
  const changed = (child) =>
    child?.type === 'FunctionExpression' && !isMethod && canBeArrow(child) ? arrowOf(child) : child
  for (const [key, value] of Object.entries(node)) node[key] = Array.isArray(value) ? value.map(changed) : changed(value)
  for (const child of inside(node)) changeExpressions(child)
}

/** The fields that an expression sets, whatever is true when it runs. */
function* fieldsSetBy(expression) {
  if (expression.type === 'SequenceExpression') for (const each of expression.expressions) yield* fieldsSetBy(each)
  if (expression.type !== 'AssignmentExpression' || expression.operator !== '=') return
  const { left, right } = expression
  const isField = left.type === 'MemberExpression' && left.object.type === 'ThisExpression' && !left.computed
  if (isField && left.property.type === 'Identifier') yield left.property.name
  yield* fieldsSetBy(right)
}

function dropDeclarations(node) {
  const members = node.type === 'ClassBody' ? node.body : []
  const { body } = members.find(({ kind }) => kind === 'constructor')?.value.body ?? { body: [] }
  const set = new Set(body.flatMap(({ type, expression }) => type === 'ExpressionStatement' ? [...fieldsSetBy(expression)] : []))
  const isNeedless = ({ type, key, value, static: isStatic }) =>
    type === 'PropertyDefinition' && key.type === 'Identifier' && !value && !isStatic && set.has(key.name)
  if (members.length > 0) node.body = members.filter((member) => !isNeedless(member))
  for (const child of inside(node)) dropDeclarations(child)
}

/**
 * Functions at the top become variables at the beginning, so that they exist before anything runs, as declared functions
 * do.
 */
function changeDeclarations(program) {
  const isMoved = (statement) => statement.type === 'FunctionDeclaration' && canBeArrow(statement)
  const declarations = program.body.filter(isMoved).map((each) => (
    { type: 'VariableDeclarator', id: each.id, init: arrowOf(each), loc: each.loc }
  ))
  const rest = program.body.filter((statement) => !isMoved(statement))
  program.body = declarations.length > 0 ? [{ type: 'VariableDeclaration', kind: 'let', declarations }, ...rest] : rest
}

/** Changes a minified module in place. @param program - of a module that nothing but its exports leaves */
export function shorten(program) {
  changeDeclarations(program)
  changeExpressions(program)
  dropDeclarations(program)
}
