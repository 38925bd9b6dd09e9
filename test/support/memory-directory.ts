import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const memory = '/dev/shm'

/**
 * A new directory in memory where the machine has that, for tests that make thousands of commits and kill processes, not machines: what was written stays
 * either way, and an fsync costs nothing. Power loss is another test's (test/durability).
 */
export function memoryDirectory(prefix: string): string {
  return mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), prefix))
}
