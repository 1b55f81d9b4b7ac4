/**
 * The variables of a module, and the private names of its classes: where each is declared, and every place that names it.
 * The tree is ESTree.
 */

const isNode = (value) => typeof value?.type === 'string'

/** Nodes whose declarations are visible in them alone. The body of a function shares the scope of its parameters. */
const SCOPES = /^(Program|(Arrow)?Function\w*|Class(Expression|Declaration)|BlockStatement|For\w*|SwitchStatement|CatchClause)$/

/** Keys under which an identifier is a property, or a name for others, unless it is computed. */
const NAMES = {
  MemberExpression: 'property', Property: 'key', MethodDefinition: 'key', PropertyDefinition: 'key',
  ExportSpecifier: 'exported', ImportSpecifier: 'imported',
}

/** The identifiers that a pattern declares. */
function* declaredBy(pattern) {
  if (pattern?.type === 'Identifier') yield pattern
  else if (pattern?.type === 'ObjectPattern') for (const each of pattern.properties) yield* declaredBy(each.value ?? each.argument)
  else if (pattern?.type === 'ArrayPattern') for (const each of pattern.elements) yield* declaredBy(each)
  else if (pattern) yield* declaredBy(pattern.left ?? pattern.argument)
}

/** What a node declares in the scope around it, and what in its own. */
function declarationsOf(node) {
  const isFunction = /Function/.test(node.type)
  const own = isFunction ? node.params.flatMap((each) => [...declaredBy(each)]) : [...declaredBy(node.type === 'CatchClause' ? node.param : null)]
  if (/^(Function|Class)Expression$/.test(node.type) && node.id) own.push(node.id)
  const around = /^(Function|Class)Declaration$/.test(node.type) ? [node.id] : []
  if (node.type === 'VariableDeclaration') around.push(...node.declarations.flatMap(({ id }) => [...declaredBy(id)]))
  if (node.type === 'ImportDeclaration') around.push(...node.specifiers.map(({ local }) => local))
  return { own, around }
}

/**
 * @returns the variables, each with its `scope` and its `uses`: the identifiers, the declaration too, and the scopes
 *   `around` each, from the inside out, up to its own; and the names of `globals`
 * @param properties - names of properties that may have other names, if they exchange them. They count as variables of
 *   one scope, which has no other names
 */
export function variablesOf(program, properties = new Set()) {
  const variables = []
  const declare = (scope, identifier) => {
    if (scope.names.has(identifier.name)) return
    const variable = { id: variables.length, scope, uses: [] }
    variables.push(variable)
    scope.names.set(identifier.name, variable)
  }
  const visits = []
  const useMember = (members, identifier) => {
    declare(members, identifier)
    members.names.get(identifier.name).uses.push({ identifier, around: [] })
  }
  const shortened = { names: new Map(), isClosed: true }
  const visit = (node, scope, isBody, outerMembers) => {
    // A private name is used in its own class only, though a class that stands in it could use it too.
    const members = node.type === 'ClassBody' ? { outer: scope, names: new Map() } : outerMembers
    const { own, around } = declarationsOf(node)
    let home = scope
    if (node.type === 'VariableDeclaration' && node.kind === 'var') while (!home.isFunction) home = home.outer
    for (const each of around) declare(home, each)
    const inner = SCOPES.test(node.type) && !isBody
      ? { outer: scope, names: new Map(), isFunction: /^Program$|Function/.test(node.type) }
      : scope
    for (const each of own) declare(inner, each)
    for (const child of Object.values(node)) if (child?.type === 'PrivateIdentifier') useMember(members, child)
    for (const [key, value] of Object.entries(node)) {
      if (key === NAMES[node.type] && !node.computed) {
        if (value.type === 'Identifier' && properties.has(value.name)) useMember(shortened, value)
        continue
      }
      for (const child of [value].flat().filter(isNode)) {
        if (child.type === 'Identifier') visits.push([child, inner])
        else visit(child, inner, key === 'body' && child.type === 'BlockStatement' && /Function|CatchClause/.test(node.type), members)
      }
    }
  }
  visit(program)
  const globals = new Set()
  for (const [identifier, from] of visits) {
    const around = []
    let scope = from
    for (; scope && !scope.names.has(identifier.name); scope = scope.outer) around.push(scope)
    if (scope) scope.names.get(identifier.name).uses.push({ identifier, around })
    else globals.add(identifier.name)
  }
  return { variables, globals }
}
