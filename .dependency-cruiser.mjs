// The layers of docs/: imports point down only, and never in a circle. One rule per layer says what it may reach; everything else is refused.
const tests = '[.]test[.]ts$'
// Packages, Node's own modules, and what could not be found: the last has a rule of its own.
const outside = 'node_modules|^node:|^[a-z_/]+$|^#|^[.]'

/** A rule that refuses every import from `from` to our own files, except those that match `allowed`. */
function layer(name, comment, from, allowed) {
  return {
    name,
    comment,
    severity: 'error',
    from: { path: from, pathNot: tests },
    to: { pathNot: [...allowed, outside], dependencyTypesNot: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg'] },
  }
}

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-circle',
      // A context names its site, and a site's apps name the context: circles of types alone are in the nature of that, and vanish when run.
      comment: 'Files that import each other can no longer be read one at a time: move what both need below them.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'resolvable',
      comment: 'The imported file or package does not exist.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    layer('rules-are-pure', 'Screens load client/rules too: it may use nothing but itself.', '^client/rules/', ['^client/rules/']),
    {
      name: 'client-runs-in-browsers',
      comment: 'client/ is loaded by browsers, which have none of the modules of Node.',
      severity: 'error',
      from: { path: '^client/', pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    layer('client-stands-alone', 'The client reaches the server over the network only.', '^client/', ['^client/']),
    layer('kernel-knows-no-app', 'The kernel uses itself and the pure rules.', '^kernel/', ['^kernel/', '^client/rules/']),
    layer('apps-use-the-kernel', 'An app uses the kernel and the pure rules.', '^apps/', ['^apps/', '^kernel/', '^client/rules/']),
    {
      name: 'apps-stay-apart',
      comment: 'Apps meet through DocTypes, events and methods, not through files.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: tests },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    layer('server-is-above', 'Processes and the command line use everything but tests and benchmarks.', '^server/', [
      '^server/',
      '^apps/',
      '^kernel/',
      '^client/',
    ]),
    {
      name: 'no-test-in-product',
      comment: 'What the product needs does not live in a test file.',
      severity: 'error',
      from: { pathNot: [tests, '^testing/', '^bench/'] },
      to: { path: tests },
    },
    {
      name: 'no-development-package-in-product',
      comment: 'The installation that serves people has the packages under "dependencies" only.',
      severity: 'error',
      from: { path: '^(apps|client|kernel|server)/', pathNot: tests },
      // The optional peer of client/live.ts is brought by whoever uses it; our tests do.
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm-peer'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['node', 'import', 'require', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js'],
    },
    moduleSystems: ['es6'],
  },
}
