/**
 * What makes a minified module shorter, and terser leaves as it is. The tree is ESTree, which terser writes and reads.
 *
 * 1. Functions become arrow functions: `let f=a=>b` in the place of `function f(a){return b}`. terser does this only for
 *    functions without a name, and calls it unsafe, because it cannot know whether a function is called with `new`. Here
 *    tsc refuses that for every function that is no class.
 * 2. A field that the constructor sets in any case needs no declaration: `class{constructor(a){this.a=a}}` in the place
 *    of `class{a;constructor(a){this.a=a}}`. No class here has a setter for such a name, which would be called.
 *
 * And for the client, whose functions are all known, `shortenFurther`:
 *
 * 3. `"a"+b` in the place of a template. What differs is objects with a primitive value of their own, and eslint refuses
 *    anything but texts and numbers in templates here.
 * 4. `()=>a()` in the place of `()=>{a()}`. It returns something then, which nothing here reads: what pages call returns
 *    a value or is no such function.
 * 5. Variables in the place of `void 0` and `null`, and `2**16` in the place of `65536`.
 * 6. `#a` in the place of `#a=!1`, where it is only read as a condition.
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

const literal = (value) => ({ type: 'Literal', value })
const plus = (left, right) => ({ type: 'BinaryExpression', operator: '+', left, right })

/** A template as a sum. One of its first two parts is a text, so that nothing in it is added as numbers. */
function sumOf({ quasis, expressions, loc }) {
  const [first, second, ...others] = quasis.flatMap(({ value: { cooked } }, at) => [
    ...cooked || at === 0 ? [literal(cooked)] : [], ...expressions[at] ? [expressions[at]] : [],
  ])
  const isNeedless = first.value === '' && others[0]?.type === 'Literal'
  return { ...[...isNeedless ? [] : [first], second, ...others].filter(Boolean).reduce(plus), loc }
}

/** Puts what `replacement` returns in the place of a node; undefined leaves it. From the inside out. */
function replaceNodes(node, replacement) {
  const replaced = (child) => {
    if (!isNode(child)) return child
    replaceNodes(child, replacement)
    return replacement(child, node) ?? child
  }
  for (const [key, value] of Object.entries(node)) node[key] = Array.isArray(value) ? value.map(replaced) : replaced(value)
}

function dropBraces(node) {
  const [only, second] = node.type === 'ArrowFunctionExpression' && node.body.type === 'BlockStatement' ? node.body.body : []
  if (only?.type === 'ExpressionStatement' && !second) Object.assign(node, { body: only.expression, expression: true })
}

/** Puts variables in the place of two values, and declares them first. terser gives no name with a `$` behind a letter. */
function nameValues(program) {
  const named = (name) => ({ type: 'Identifier', name })
  replaceNodes(program, (node) => {
    // terser writes `return void f()`, too.
    if (node.type === 'UnaryExpression' && node.operator === 'void' && node.argument.value === 0) return named('U$')
    return node.type === 'Literal' && node.value === null && !node.regex ? named('N$') : undefined
  })
  const declarations = [
    { type: 'VariableDeclarator', id: named('U$'), init: null },
    { type: 'VariableDeclarator', id: named('N$'), init: literal(null) },
  ]
  program.body.unshift({ type: 'VariableDeclaration', kind: 'let', declarations })
}

/** Changes a minified module in place. @param program - of a module that nothing but its exports leaves */
export function shorten(program) {
  changeDeclarations(program)
  changeExpressions(program)
  dropDeclarations(program)
}

function powerOf({ type, value, loc }) {
  const exponent = type === 'Literal' && typeof value === 'number' && value >= 4096 ? Math.log2(value) : NaN
  return Number.isInteger(exponent) ? { type: 'BinaryExpression', operator: '**', left: literal(2), right: literal(exponent), loc } : undefined
}

const isFalse = (node) => node?.value === false || (node?.operator === '!' && node.argument.value === 1)

/** Whether a node reads its child as a condition, or sets it. Nothing here reads the `false` that `this.#a&&b()` returns. */
function isCondition({ type, operator, test, left }, child) {
  if (/^(Conditional|If)/.test(type)) return test === child
  return type === 'LogicalExpression' || (type === 'UnaryExpression' && operator === '!') || (type === 'AssignmentExpression' && left === child)
}

function* readersOf(node, name) {
  for (const child of inside(node)) {
    if (child.type === 'MemberExpression' && child.property.type === 'PrivateIdentifier' && child.property.name === name) yield [node, child]
    yield* readersOf(child, name)
  }
}

function dropFalse(node) {
  for (const member of node.type === 'ClassBody' ? node.body : []) {
    const isFlag = member.type === 'PropertyDefinition' && member.key.type === 'PrivateIdentifier' && isFalse(member.value)
    const isDropped = isFlag && [...readersOf(node, member.key.name)].every(([around, child]) => isCondition(around, child))
    if (isDropped) member.value = null
  }
}

/** Changes a shortened module in place, of which no function without a result is called by others that read one. */
export function shortenFurther(program) {
  replaceNodes(program, (node, around) => (
    node.type === 'TemplateLiteral' && around.type !== 'TaggedTemplateExpression' ? sumOf(node) : undefined
  ))
  replaceNodes(program, dropBraces)
  replaceNodes(program, powerOf)
  replaceNodes(program, dropFalse)
  nameValues(program)
}
