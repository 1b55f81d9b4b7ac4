/**
 * The lint rules of the client: typescript-eslint's strictest set, limits of size, and what `src/core/` must not use.
 * The layers of the other folders are tests/project/client_layers.py.
 * Twin: the `[tool.ruff]` part of pyproject.toml and tests/project/test_layering.py.
 */
import eslint from '@eslint/js'
import tseslint from 'typescript-eslint'

/** Globals that the core must not use: it has no I/O, clock or randomness. TextEncoder and TextDecoder are pure. */
const outsideWorld = [
  'window', 'self', 'globalThis', 'document', 'location', 'navigator', 'history', 'localStorage', 'sessionStorage', 'indexedDB',
  'WebSocket', 'XMLHttpRequest', 'fetch', 'Worker', 'SharedWorker', 'BroadcastChannel', 'MessageChannel', 'MessagePort',
  'EventTarget', 'addEventListener', 'removeEventListener', 'dispatchEvent', 'postMessage', 'structuredClone',
  'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'queueMicrotask', 'requestAnimationFrame',
  'crypto', 'performance', 'console', 'process', 'Buffer', 'alert', 'reportError',
]

export default tseslint.config(
  // electron-module.d.ts is in no tsconfig of this package: it declares a module that the tests install.
  { ignores: ['dist/', 'node_modules/', 'electron-module.d.ts', 'src/electron/electron-module.d.ts', 'test/electron/absent/'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'complexity': ['error', 8],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }],
      'max-len': ['error', { code: 120, ignoreUrls: true }],
      'eqeqeq': 'error',
      'quotes': ['error', 'single', { avoidEscape: true }],
      'semi': ['error', 'never'],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // A number in a template is clear without String().
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `_event` marks a parameter of Electron's signature that a function does not use.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['src/core/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', {
        patterns: [{ regex: '^(?!\\./[a-z])', message: 'core/ imports only its own files.' }],
      }],
      'no-restricted-globals': ['error', ...outsideWorld.map((name) => ({
        name, message: 'core/ does no I/O and has no clock: take the value as an argument.',
      }))],
      'no-restricted-properties': ['error',
        { object: 'Date', property: 'now', message: 'core/ has no clock: take the time as an argument.' },
        { object: 'Math', property: 'random', message: 'core/ has no randomness: take the token as an argument.' },
      ],
      'no-restricted-syntax': ['error', {
        selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
        message: 'core/ has no clock: take the time as an argument.',
      }],
    },
  },
  {
    // A subfolder of the core may import from its parent, the core.
    files: ['src/core/*/*.ts'],
    rules: {
      'no-restricted-imports': ['error', {
        patterns: [{ regex: '^(?!\\.\\.?/[a-z])', message: 'core/ imports only its own files.' }],
      }],
    },
  },
  {
    // Electron's own signatures have `any`; code written for Electron does not compile otherwise.
    files: ['src/types/electron.ts', 'src/electron/types.ts'],
    rules: { '@typescript-eslint/no-explicit-any': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // node:test's `test()` returns a promise that its runner awaits.
      '@typescript-eslint/no-floating-promises': 'off',
      // A describe() block is a list of cases, not one function.
      'max-lines-per-function': 'off',
    },
  },
  {
    // Build scripts run in Node, and have no types.
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: { globals: { URL: 'readonly', console: 'readonly', process: 'readonly' } },
    rules: { 'semi': ['error', 'never'], 'quotes': ['error', 'single', { avoidEscape: true }] },
  },
)
