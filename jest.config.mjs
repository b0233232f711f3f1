// One configuration for every package: ESM through swc, packages of the workspace resolved to their sources.
const config = {
  testEnvironment: 'node',
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/.sallyport/', '/.nx/'],
  modulePathIgnorePatterns: ['/dist/', '/.sallyport/', '/.nx/'],
  watchman: false,
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', {
      jsc: {
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true },
        target: 'es2024',
      },
      module: { type: 'es6' },
      sourceMaps: 'inline',
    }],
  },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironmentOptions: { customExportConditions: ['sallyport-source', 'node', 'node-addons'] },
  testTimeout: 60_000,
}

export default config
