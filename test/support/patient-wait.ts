import { vi } from 'vitest'

/**
 * Loaded before each file of tests that start programs: vitest waits for a second where nothing is said, and two files at a time can keep
 * two processors busy for longer than that.
 */
const patientMs = 10_000
const { waitFor } = vi

vi.waitFor = (callback, options = {}) =>
  waitFor(callback, typeof options === 'number' ? options : { timeout: patientMs, ...options })
